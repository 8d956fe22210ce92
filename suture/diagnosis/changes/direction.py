"""Can a change have made anything worse at all? Its revert must never put an obstacle back that somebody removed.

Only where the direction is plain: nodes that were opened again, quotas and budgets that were loosened, requests that became
smaller. Everything else may go either way.
"""

from __future__ import annotations

from typing import Any

from suture.diagnosis import quantity
from suture.diagnosis.changes.delta import Delta


def worsens(kind: str, change: Delta) -> bool:
    """Whether the change may have caused harm: False when it can only have loosened something.

    >>> worsens("Node", Delta(("spec", "unschedulable"), True, None))
    False
    """
    path = [str(step) for step in change.path]
    if kind == "Node" and path[:1] == ["spec"]:
        return not _is_less(change)
    if kind == "ResourceQuota" and path[:2] == ["spec", "hard"]:
        return not _is_more_allowed(change)
    if kind == "PodDisruptionBudget" and path[-1] == "minAvailable":
        return not _shrank(change)
    if kind == "PodDisruptionBudget" and path[-1] == "maxUnavailable":
        return not _grew(change)
    if "requests" in path:
        return not _shrank(change)
    return True


def deletion_worsens(kind: str) -> bool:
    """Whether the loss of such an object can harm: what only limits others harms nobody by going away."""
    return kind not in ("ResourceQuota", "ValidatingWebhookConfiguration", "PodDisruptionBudget")


def _is_less(change: Delta) -> bool:
    """A taint or the cordon is gone."""
    if isinstance(change.before, list) and isinstance(change.after, list):
        return all(t in change.before for t in change.after)
    return not change.after


def _is_more_allowed(change: Delta) -> bool:
    return not change.after or _grew(change)


def _numbers(change: Delta) -> tuple[float | None, float | None]:
    return _number(change.before), _number(change.after)


def _number(value: Any) -> float | None:
    if isinstance(value, str) and value.endswith("%"):
        return quantity.parse(value[:-1])
    return quantity.parse(value) if value or value == 0 else None


def _grew(change: Delta) -> bool:
    before, after = _numbers(change)
    return before is not None and after is not None and after > before


def _shrank(change: Delta) -> bool:
    before, after = _numbers(change)
    return before is not None and after is not None and after < before
