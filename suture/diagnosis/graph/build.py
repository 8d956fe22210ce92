"""From a snapshot to the graph: every reader of edges, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from weakref import WeakKeyDictionary

from suture.diagnosis.graph.access import access
from suture.diagnosis.graph.calls import calls
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.graph import Graph
from suture.diagnosis.graph.limits import limits
from suture.diagnosis.graph.networking import network_policies
from suture.diagnosis.graph.ownership import ownership
from suture.diagnosis.graph.placement import placement
from suture.diagnosis.graph.routes import routes
from suture.diagnosis.graph.scaling import scaling
from suture.diagnosis.graph.scene import Scene
from suture.diagnosis.graph.services import services
from suture.diagnosis.graph.storage import storage
from suture.diagnosis.graph.templates import template_references
from suture.diagnosis.graph.webhooks import webhooks
from suture.domain.snapshot import Snapshot

Reader = Callable[[Scene], Iterator[Edge]]
READERS: Final[tuple[Reader, ...]] = (
    ownership,
    template_references,
    placement,
    storage,
    access,
    services,
    routes,
    network_policies,
    scaling,
    limits,
    webhooks,
    calls,
)


# Detection and classification ask about the same snapshot several times; a graph lives as long as its snapshot.
_built: WeakKeyDictionary[Snapshot, dict[str | None, Graph]] = WeakKeyDictionary()


def build(snapshot: Snapshot, namespace: str | None = None) -> Graph:
    """The graph of a snapshot, or of one namespace of it with what is cluster-wide. Do not change it: it is shared."""
    known = _built.setdefault(snapshot, {})
    if namespace not in known:
        known[namespace] = _build(snapshot, namespace)
    return known[namespace]


def _build(snapshot: Snapshot, namespace: str | None) -> Graph:
    scene = Scene(snapshot, namespace)
    return Graph(
        (edge for reader in READERS for edge in reader(scene)), (w.ref for w in scene.each_workload())
    )
