"""Label selectors, both forms of them, and who is selected by a Service."""

from __future__ import annotations

from typing import Any

from suture.diagnosis.fields import items, labels, mapping, text
from suture.domain.snapshot import Manifest, Snapshot


def selects(selector: Any, having: dict[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) matches; an empty one matches everything.

    >>> selects({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["web"]}]}, {"tier": "web"})
    True
    """
    wanted = mapping(selector, "matchLabels")
    return all(having.get(k) == v for k, v in wanted.items()) and all(
        _holds(e, having) for e in items(selector, "matchExpressions")
    )


def _holds(expression: Manifest, having: dict[str, str]) -> bool:
    key, values = text(expression, "key"), expression.get("values")
    there = having.get(key)
    among = there is not None and isinstance(values, list) and there in values
    return {
        "In": among,
        "NotIn": not among,
        "Exists": there is not None,
        "DoesNotExist": there is None,
    }.get(text(expression, "operator"), False)


def selected_by_service(snapshot: Snapshot, service: Manifest) -> list[Manifest]:
    """The pods that a Service's selector matches; none when it has no selector (its endpoints are made by
    hand).
    """
    wanted = labels(service, "spec.selector")
    namespace = text(service, "metadata.namespace")
    if not wanted:
        return []
    return [p for p in snapshot.all("Pod", namespace) if wanted.items() <= labels(p).items()]
