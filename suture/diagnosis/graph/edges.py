"""One dependency in words, and which way trouble travels along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from suture.domain.target import ObjectRef


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` `relation` `target`, to be read aloud: "Deployment/shop/web reads ConfigMap/shop/env".

    `exists` is False when the target is not there (an optional reference to nothing is not dangling: its note says
    so). `broken` says that the target is there but not as it is meant: a key or port is missing, a selector almost
    fits; `note` tells which.
    """

    source: ObjectRef
    target: ObjectRef
    relation: str
    exists: bool = True
    note: str = ""
    broken: bool = False

    @property
    def ok(self) -> bool:
        return self.exists and not self.broken

    def __str__(self) -> str:
        return f"{self.source} {self.relation} {self.target}"


@dataclass(frozen=True, slots=True)
class Reach:
    """How an object is reached: the distance (calls of other workloads count 2), the edges, and the same in words."""

    distance: int
    path: tuple[Edge, ...]
    sentence: str


class Flow(NamedTuple):
    """Which end of a relation influences the other, and how far apart they are."""

    to_source: bool
    to_target: bool
    weight: int = 1
    family: str = ""


_USES = Flow(to_source=True, to_target=False)
_IMPOSES = Flow(to_source=False, to_target=True)
_JOINS = Flow(to_source=True, to_target=True)

FLOWS: dict[str, Flow] = {
    **dict.fromkeys(
        ("reads", "mounts", "pulls with", "runs as", "may", "grants", "needs", "lives in"), _USES
    ),
    **dict.fromkeys(("is bound to", "runs on", "cannot run on", "leads to"), _USES),
    "calls": _USES._replace(weight=2),
    **dict.fromkeys(("limits", "isolates", "lets in", "lets out to", "admits"), _IMPOSES),
    **dict.fromkeys(("owns", "selects", "routes to", "scales", "budgets"), _JOINS),
    "should select": _JOINS._replace(family="selects"),
    "should scale": _JOINS._replace(family="scales"),
    "should bind": _IMPOSES,
}


def flow_of(relation: str) -> Flow:
    """How trouble travels along edges of this relation; unknown ones count as uses."""
    found = FLOWS.get(relation, _USES)
    return found if found.family else found._replace(family=relation)
