"""Log lines whose templates are known, in the forms that common programs write: for tests and benchmarks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

Line = tuple[str, str]  # text, and the name of its template
_START = datetime(2026, 3, 1, 8, tzinfo=UTC)
_USERS = ("anna", "ben", "carla", "dmitri", "eva", "farid", "gita", "hugo", "ines", "jonas")
_QUERIES = ("SELECT", "INSERT", "UPDATE", "DELETE", "VACUUM", "ANALYZE", "COPY")


def _ip(r: random.Random) -> str:
    return ".".join(str(r.randint(1, 254)) for _ in range(4))


def _hex(r: random.Random, length: int = 12) -> str:
    return f"{r.getrandbits(4 * length):0{length}x}"


def _uuid(r: random.Random) -> str:
    h = _hex(r, 32)
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


Message = Callable[[random.Random], str]
MESSAGES: dict[str, tuple[str, Message]] = {
    "served": ("INFO", lambda r: f"GET /api/v1/orders/{r.randint(1, 99999)} 200 in {r.randint(1, 900)} ms"),
    "login": ("INFO", lambda r: f"user {r.choice(_USERS)} logged in from {_ip(r)}"),
    "logout": ("INFO", lambda r: f"user {r.choice(_USERS)} logged out"),
    "cache-hit": ("DEBUG", lambda r: f"cache hit for key session:{_hex(r)} (size {r.randint(1, 900)} KB)"),
    "cache-miss": ("DEBUG", lambda r: f"cache miss for key session:{_hex(r)} (loading)"),
    "job-started": ("INFO", lambda r: f"job {_uuid(r)} started on worker-{r.randint(1, 40)}"),
    "job-finished": ("INFO", lambda r: f"job {_uuid(r)} finished on worker-{r.randint(1, 40)}"),
    "slow-query": ("WARN", lambda r: f"slow query took {r.random() * 9:.3f} s: {r.choice(_QUERIES)} on table orders"),
    "refused": ("ERROR", lambda r: f"dial tcp {_ip(r)}:{r.randint(1024, 9999)}: connect: connection refused"),
    "retry": ("WARN", lambda r: f"retrying request {_hex(r, 16)}, attempt {r.randint(1, 9)} of 10"),
    "gc": ("INFO", lambda r: f"GC pause {r.random() * 99:.1f} ms, heap {r.randint(50, 900)} MB of 1024 MB"),
    "attached": ("INFO", lambda r: f"volume vol-{_hex(r, 8)} attached to node {r.randint(1, 20)}"),
    "detached": ("INFO", lambda r: f"volume vol-{_hex(r, 8)} detached from node {r.randint(1, 20)}"),
    "disk": ("ERROR", lambda r: f"write to /var/lib/data/segment-{r.randint(1, 999)}.db failed: No space left on device"),
}  # fmt: skip


def _iso(at: datetime, level: str, text: str, _r: random.Random) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z {level} {text}"


def _java(at: datetime, level: str, text: str, r: random.Random) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03} {level} [pool-{r.randint(1, 9)}-thread-{r.randint(1, 99)}] {text}"


def _syslog(at: datetime, _level: str, text: str, r: random.Random) -> str:
    return f"{at:%b} {at.day:2} {at:%H:%M:%S} node-{r.randint(1, 9)} shopd[{r.randint(100, 9999)}]: {text}"


def _klog(at: datetime, level: str, text: str, _r: random.Random) -> str:
    letter = {"WARN": "W", "ERROR": "E"}.get(level, "I")
    return f"{letter}{at:%m%d %H:%M:%S.%f}       1 server.go:12] {text}"


def _json(at: datetime, level: str, text: str, _r: random.Random) -> str:
    return json.dumps({"ts": at.isoformat(), "level": level.lower(), "msg": text})


FORMS = {"iso": _iso, "java": _java, "syslog": _syslog, "klog": _klog, "json": _json}


def lines(count: int, form: str = "iso", seed: int = 0) -> Iterator[Line]:
    """Lines of one form, one every few milliseconds; frequent and rare templates mixed."""
    r = random.Random(seed)
    names = list(MESSAGES)
    weights = [1 / (1 + i % 7) for i in range(len(names))]
    at = _START
    for _ in range(count):
        at += timedelta(milliseconds=r.randint(1, 40))
        name = r.choices(names, weights)[0]
        level, message = MESSAGES[name]
        yield FORMS[form](at, level, message(r), r), name
