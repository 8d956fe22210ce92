"""Reading manifests without ever raising: a field that is missing, null or of the wrong type counts as
absent.

Objects come from servers of many versions, from caches and from people's own resources; diagnosis of one
incident must not fail because an unrelated object has an odd shape.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.domain.snapshot import Manifest, dig


def text(value: Any, path: str, default: str = "") -> str:
    """The text at a dotted path."""
    found = dig(value, path)
    return found if isinstance(found, str) else default


def number(value: Any, path: str, default: int = 0) -> int:
    """The whole number at a dotted path.

    >>> number({"spec": {"n": 3}}, "spec.n"), number({"spec": {"n": "x"}}, "spec.n", 1)
    (3, 1)
    """
    found = dig(value, path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def mapping(value: Any, path: str) -> dict[str, Any]:
    """The object at a dotted path; empty when there is none."""
    found = dig(value, path)
    return found if isinstance(found, dict) else {}


def items(value: Any, path: str) -> list[Manifest]:
    """The objects of the list at a dotted path; what is not an object is left out."""
    found = dig(value, path)
    return [x for x in found if isinstance(x, dict)] if isinstance(found, list) else []


def labels(manifest: Any, path: str = "metadata.labels") -> dict[str, str]:
    """Labels (or annotations, by another path): text to text."""
    return {k: v for k, v in mapping(manifest, path).items() if isinstance(v, str)}


def annotation(manifest: Any, name: str) -> str:
    """One annotation; empty when it is not there."""
    return labels(manifest, "metadata.annotations").get(name, "")


def when(value: Any, path: str) -> datetime | None:
    """The RFC 3339 time at a dotted path; None when there is none.

    >>> when({"at": "2026-01-02T03:04:05Z"}, "at")
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    """
    found = text(value, path)
    try:
        at = datetime.fromisoformat(found)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def condition(manifest: Any, kind: str) -> Manifest:
    """The status condition of this type; empty when there is none."""
    return next((c for c in items(manifest, "status.conditions") if c.get("type") == kind), {})


def is_true(manifest: Any, kind: str) -> bool:
    """Whether the status condition of this type is True."""
    return condition(manifest, kind).get("status") == "True"


def desired(manifest: Any) -> int:
    """The wanted number of replicas; the API's default is 1."""
    return number(manifest, "spec.replicas", 1)


def earliest(*times: datetime | None) -> datetime | None:
    """The first of the times that are known."""
    return min((t for t in times if t), default=None)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end; None when either is unknown."""
    return (end - start).total_seconds() if start and end else None
