"""Kubernetes quantities: `128Mi`, `0.5`, `250m`.

Format: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from typing import Any

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i))?")
_UNITS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    **{u: 1000.0**p for p, u in enumerate("kMGTPE", 1)},
    **{u + "i": 1024.0**p for p, u in enumerate("KMGTPE", 1)},
}


def parse(value: Any) -> float | None:
    """The amount as a number (bytes, cores, pieces); None when it is not a quantity.

    >>> parse("64Mi") == 64 * 2**20, parse("250m"), parse("1e3"), parse("many"), parse(2)
    (True, 0.25, 1000.0, None, 2.0)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _FORM.fullmatch(str(value))
    if not found:
        return None
    return float(found[1] + (found[2] or "")) * _UNITS[found[3] or ""]


def of_bytes(amount: float) -> str:
    """A number of bytes in the largest binary unit that divides it, rounded up to whole Mi when it is that
    large.

    >>> of_bytes(2 * 64 * 2**20), of_bytes(2**30), of_bytes(200e6), of_bytes(1000)
    ('128Mi', '1Gi', '191Mi', '1000')
    """
    whole = int(amount)
    if whole < 2**20:
        return str(whole)
    mebi = -(-whole // 2**20)
    return f"{mebi // 1024}Gi" if mebi % 1024 == 0 else f"{mebi}Mi"
