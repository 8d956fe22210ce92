"""Selectors where it matters whether they are absent or empty, and how nearly one fits.

Kubernetes is not of one mind: an absent selector of a disruption budget or an affinity term matches nothing, while
that of a webhook matches everything; an empty one always matches everything.
"""

from __future__ import annotations

from typing import Any

from suture.diagnosis.fields import labels
from suture.diagnosis.graph.scene import Scene, Workload
from suture.diagnosis.selectors import selects


def matches(selector: Any, having: dict[str, str], absent: bool = False) -> bool:
    """Whether a LabelSelector matches; `absent` is what holds when there is none.

    >>> matches({}, {}), matches(None, {}), matches(None, {}, absent=True)
    (True, False, True)
    """
    if selector is None:
        return absent
    return isinstance(selector, dict) and selects(selector, having)


def namespace_labels(scene: Scene, name: str) -> dict[str, str]:
    """The labels of a namespace; its name is always among them."""
    return {**labels(scene.get("Namespace", "", name)), "kubernetes.io/metadata.name": name}


def selected(selector: dict[str, str], workload: Workload) -> bool:
    """Whether an equality selector matches the pods that a workload makes, or one that it has."""
    wanted = selector.items()
    return wanted <= workload.labels.items() or any(
        wanted <= having.items() for having in workload.pod_labels
    )


def misfit(selector: dict[str, str], having: dict[str, str]) -> list[str]:
    """The keys of an equality selector that the labels do not satisfy.

    >>> misfit({"app": "web", "tier": "front"}, {"app": "web", "tier": "back"})
    ['tier']
    """
    return [k for k, v in selector.items() if having.get(k) != v]
