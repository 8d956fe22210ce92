"""Who made whom: controllers and what they control."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene


def ownership(scene: Scene) -> Iterator[Edge]:
    """Every controller that is there, with each object that names it."""
    for ref, owner in scene.owner_of.items():
        yield Edge(owner, ref, "owns")
