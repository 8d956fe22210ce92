"""Redaction at the database's edge. References, known identities and sealed values stay.

`redact` may hide them by accident (an object called `db-token` under a key named `token`), and a hidden
identity would break the story apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from suture.domain.redaction import redact

_SEALED = re.compile(r"sealed:(v1:[A-Za-z0-9_-]+={0,2}|h1:[0-9a-f]{64})")
_REFERENCE = frozenset(("system", "cluster", "kind", "namespace", "name"))
Replace = Callable[[str, str], str]


def _keep_redacted(_before: str, after: str) -> str:
    return after


def clean(value: Any, keep: frozenset[str] = frozenset(), replace: Replace = _keep_redacted) -> Any:
    """A JSON value without secrets. Texts in `keep` stay; `replace` gets (before, after) of what changes."""
    return _merge(value, redact(value), keep, replace)


def _merge(before: Any, after: Any, keep: frozenset[str], replace: Replace) -> Any:
    if isinstance(before, Mapping):
        if before.keys() == _REFERENCE or before.keys() == _REFERENCE - {"system", "cluster"}:
            return dict(before)
        return {str(k): _merge(v, after[k], keep, replace) for k, v in before.items()}
    if isinstance(before, list | tuple):
        return [_merge(b, a, keep, replace) for b, a in zip(before, after, strict=True)]
    if isinstance(before, str) and before != after:
        return before if before in keep or _SEALED.fullmatch(before) else replace(before, after)
    if isinstance(before, float) and not math.isfinite(before):
        return None  # JSON has no such number, and PostgreSQL refuses it
    return after
