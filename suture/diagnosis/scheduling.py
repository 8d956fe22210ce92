"""What the scheduler says about a pod that fits nowhere, taken apart.

The message is `0/6 nodes are available: 2 Insufficient memory, 4 node(s) had untolerated taint {k: v}.
preemption: ...`; the reasons are those of the scheduler's filter plugins
(kubernetes/pkg/scheduler/framework/plugins).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Obstacle(StrEnum):
    """Why a node was not taken."""

    RESOURCES = "not enough resources"
    CORDONED = "cordoned"
    TAINT = "untolerated taint"
    NODE_SELECTOR = "node selector or affinity"
    POD_AFFINITY = "pod affinity or anti-affinity"
    SPREAD = "topology spread"
    PORTS = "host port in use"
    VOLUME = "volume"
    OTHER = "other"


# The parts of the pod template that can make each obstacle, as prefixes of dotted paths below its spec.
FIELDS: dict[Obstacle, tuple[str, ...]] = {
    Obstacle.RESOURCES: ("resources",),
    Obstacle.TAINT: ("tolerations", "nodeSelector", "affinity"),
    Obstacle.NODE_SELECTOR: ("nodeSelector", "affinity.nodeAffinity", "nodeName"),
    Obstacle.POD_AFFINITY: ("affinity.podAffinity", "affinity.podAntiAffinity"),
    Obstacle.SPREAD: ("topologySpreadConstraints",),
    Obstacle.PORTS: ("hostPort", "hostNetwork", ".ports"),
    Obstacle.VOLUME: ("volumes",),
}
_WORDS: tuple[tuple[str, Obstacle], ...] = (
    ("insufficient", Obstacle.RESOURCES),
    ("too many pods", Obstacle.RESOURCES),
    ("node(s) were unschedulable", Obstacle.CORDONED),
    ("taint {node.kubernetes.io/unschedulable", Obstacle.CORDONED),
    ("taint", Obstacle.TAINT),
    ("topology spread", Obstacle.SPREAD),
    ("volume node affinity", Obstacle.VOLUME),
    ("persistentvolume", Obstacle.VOLUME),
    ("max volume count", Obstacle.VOLUME),
    ("volume", Obstacle.VOLUME),
    ("node affinity", Obstacle.NODE_SELECTOR),
    ("affinity", Obstacle.POD_AFFINITY),
    ("selector", Obstacle.NODE_SELECTOR),
    ("nodename", Obstacle.NODE_SELECTOR),
    ("free ports", Obstacle.PORTS),
)
_PIECE = re.compile(r"(?:^|[,:.]\s+)(\d+)\s+((?:[^,{]|\{[^}]*\})+?)(?=,\s+\d+\s|\.\s|\.$|,?$)")


@dataclass(frozen=True)
class Verdict:
    """Nodes by obstacle, and the resources that were short."""

    nodes: int
    obstacles: dict[Obstacle, int] = field(default_factory=dict)
    short_of: tuple[str, ...] = ()

    def only(self, *kinds: Obstacle) -> bool:
        """Whether nothing else stands in the way."""
        return bool(self.obstacles) and set(self.obstacles) <= set(kinds)


def parse(message: str) -> Verdict:
    """Take the scheduler's message apart.

        >>> said = parse("0/3 nodes are available: 1 Insufficient memory, 2 node(s) were unschedulable.")
    >>> said.nodes, {o.name: n for o, n in said.obstacles.items()}, said.short_of
    (3, {'RESOURCES': 1, 'CORDONED': 2}, ('memory',))
    """
    head = message.split("preemption:", maxsplit=1)[0]
    total = re.match(r"\s*0/(\d{1,6}) nodes are available", head)
    obstacles: dict[Obstacle, int] = {}
    short: list[str] = []
    for count, what in _PIECE.findall(head.partition("nodes are available")[2]):
        kind = _kind(what)
        obstacles[kind] = obstacles.get(kind, 0) + int(count[:6])
        if what.startswith("Insufficient "):
            short.append(what.removeprefix("Insufficient ").strip())
    nodes = int(total[1]) if total else 0
    return Verdict(nodes, obstacles or {_kind(head): nodes}, tuple(short))


def _kind(what: str) -> Obstacle:
    lower = what.lower()
    return next((kind for words, kind in _WORDS if words in lower), Obstacle.OTHER)


def touches(kind: Obstacle, path: str) -> bool:
    """Whether a change of the pod template at this dotted path can make this obstacle.

    >>> touches(Obstacle.RESOURCES, "spec.containers.web.resources.requests.memory")
    True
    >>> touches(Obstacle.PORTS, "spec.nodeName")
    False
    """
    tail = path.removeprefix("spec.")
    # a part that was added or removed as a whole shows under the name of the whole
    return any(part in tail or part.startswith(f"{tail}.") for part in FIELDS.get(kind, ()))
