"""Families of errors, by what programs print when something of the kind goes wrong."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "memory": (
        "OutOfMemory", "OOMKilled", "out of memory", "Cannot allocate memory", "oom-kill", "memory cgroup",
        "heap space",
        "GC overhead limit", "MemoryError", "bad_alloc", "memory limit",
    ),
    "network": (
        "Connection refused", "Network timeout", "DNS resolution failed", "Connection reset",
        "Connection timed out", "no route to host",
        "network is unreachable", "no such host", "name resolution", "i/o timeout", "broken pipe", "ECONN",
        "ETIMEDOUT", "ENOTFOUND",
        "dial tcp", "context deadline exceeded", "upstream timed out", "connect timeout", "socket hang up",
        "TLS handshake timeout",
    ),
    "auth": (
        "Authentication failed", "authentication failure", "Unauthorized", "Permission denied", "access denied",
        "forbidden",
        "invalid credentials", "password authentication", "invalid token", "token expired", "401 ", "403 ",
        "not authorized",
    ),
    "dependency": (
        "ModuleNotFoundError", "ImportError", "Package not found", "No module named", "Cannot find module",
        "ClassNotFound",
        "NoClassDefFound", "no matching distribution", "unable to resolve dependency", "version conflict",
        "undefined symbol",
        "cannot open shared object",
    ),
    "storage": (
        "No space left", "disk full", "ENOSPC", "Read-only file system", "Input/output error", "quota exceeded",
        "disk quota",
        "inode", "MountVolume", "FailedMount", "corrupt",
    ),
    "database": (
        "deadlock", "too many connections", "remaining connection slots", "relation .* does not exist",
        "SQLSTATE", "duplicate key",
        "lock wait timeout", "OperationalError", "connection pool", "replication lag", "ORA-",
    ),
    "certificate": (
        "x509", "certificate has expired", "certificate verify failed", "SSLError", "unknown authority", "CERT_",
    ),
    "configuration": (
        "invalid configuration", "config(?:uration)? error", "missing required",
        "unknown (?:flag|option|field)", "no such file or directory",
        "environment variable", "invalid value for", "cannot unmarshal", "parse error", "yaml:", "KeyError",
    ),
    "image": ("ImagePullBackOff", "ErrImagePull", "manifest unknown", "pull access denied", "toomanyrequests"),
    "crash": (
        "segmentation fault", "segfault", "SIGSEGV", "SIGABRT", "core dumped", "panic:", "NullPointerException",
        "stack overflow",
        "assertion failed", "CrashLoopBackOff", "nil pointer dereference", "unhandled exception",
    ),
    "saturation": (
        "rate limit", "too many requests", "429 ", "Too many open files", "EMFILE",
        "resource temporarily unavailable", "queue is full",
        "throttl", "circuit breaker", "thread pool .*exhausted",
    ),
}  # fmt: skip
PATTERNS: Final = {name: re.compile("|".join(words), re.IGNORECASE) for name, words in _WORDS.items()}
_ANY: Final = re.compile("|".join(w for words in _WORDS.values() for w in words), re.IGNORECASE)


def families(text: str) -> tuple[str, ...]:
    """The families that a message belongs to, most often none or one.

    >>> families("dial tcp 10.0.0.1:5432: connect: connection refused")
    ('network',)
    """
    if not _ANY.search(text):
        return ()
    return tuple(name for name, pattern in PATTERNS.items() if pattern.search(text))
