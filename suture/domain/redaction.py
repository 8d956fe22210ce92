"""Keep secrets out of logs, history, database and pages: what looks like one is replaced at the edge.

Two rules. A value is hidden when its key is named like a secret (`password`, `token` ...), and a piece of text is hidden
when it has a secret's shape (a private key, a bearer token, a URL with a password, a known vendor's token format).
Kubernetes Secrets never reach this point in clear: the cluster adapter replaces their values on reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[redacted]"

_NAME = re.compile(
    r"(?i)(pass(word|wd|phrase)?$|pass(word|wd|phrase)|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|credential|authorization|cookie|session[_.-]?id|(^|[_.-])(dsn|pwd|auth)$|connection[_.-]?string)"
)
_HARMLESS_NAME = re.compile(
    r"(?i)(secret[_.-]?name|secret(key)?ref$|token[_.-]?(count|type|expir)|automountserviceaccounttoken)"
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\s:/@]*):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),
    (
        re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"),
        HIDDEN,
    ),
    (
        re.compile(
            r"\b(xox[abprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{16,}|sk_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,})"
        ),
        HIDDEN,
    ),
    (
        re.compile(
            r"(?i)([\"']?(?<![\w.-])[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|credential)s?[\"']?"
            r"\s*[=:]\s*)(?!\[redacted\])(\"[^\"]*\"|'[^']*'|[^\s,;&}\])\"']+)"
        ),
        rf"\1{HIDDEN}",
    ),
)


def is_secret_name(name: str) -> bool:
    """Whether a field, label or variable of this name is likely to hold a secret.

    >>> is_secret_name("DB_PASSWORD"), is_secret_name("secretName"), is_secret_name("image")
    (True, False, False)
    """
    return bool(_NAME.search(name)) and not _HARMLESS_NAME.search(name)


def redact_text(text: str) -> str:
    """Replace what has the shape of a secret inside a text.

    >>> redact_text("login with password=hunter2 failed for postgres://shop:hunter2@db/shop")
    'login with password=[redacted] failed for postgres://shop:[redacted]@db/shop'
    """
    for shape, put in _SHAPES:
        text = shape.sub(put, text)
    return text


def redact_mapping(values: Mapping[str, str]) -> dict[str, str]:
    """Hide the values of secret-like names and secret shapes in the other values."""
    return {k: HIDDEN if v and is_secret_name(k) else redact_text(v) for k, v in values.items()}


def redact(value: Any, name: str = "") -> Any:
    """Redact any JSON value, recursively; `{name: X, value: Y}` pairs (environment variables) count as a field X."""
    if isinstance(value, Mapping):
        if (
            isinstance(value.get("name"), str)
            and isinstance(value.get("value"), str)
            and is_secret_name(value["name"])
        ):
            return {**value, "value": HIDDEN}
        return {k: redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v, name) for v in value]
    if isinstance(value, str):
        return HIDDEN if value and is_secret_name(name) else redact_text(value)
    return value
