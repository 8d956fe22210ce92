"""Nodes: where pods run, and for pods that wait for one, what keeps them off the nodes that there are.

Only what a change of the node could cure counts (cordoned, tainted, not ready, one label short); resources are the
scheduler's business, which says so itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from suture.diagnosis.fields import condition, is_true, items, labels, mapping, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import matches
from suture.diagnosis.graph.scene import Scene, Workload
from suture.diagnosis.pods import is_live
from suture.diagnosis.readers.nodes import is_cordoned
from suture.domain.snapshot import Manifest, dig

MOST: Final = 20  # closed nodes shown for one workload
_KEEPS_OUT: Final = ("NoSchedule", "NoExecute")


def placement(scene: Scene) -> Iterator[Edge]:
    """Of every pod, and of every workload with pods that wait for a node."""
    nodes = scene.all("Node")
    for ref, pod in scene.each("Pod"):
        if node := text(pod, "spec.nodeName"):
            for edge in scene.edge(ref, "runs on", "Node", node):
                yield _checked(scene, edge) if edge.exists and is_live(pod) else edge
    for workload in scene.each_workload():
        yield from _company(scene, workload)
        if any(is_live(p) and not text(p, "spec.nodeName") for p in workload.pods):
            closed = ((ref, why) for ref, m in nodes if (why := _closed(m, workload)))
            for (ref, why), _ in zip(closed, range(MOST), strict=False):
                yield Edge(workload.ref, ref, "cannot run on", note=why)


def _company(scene: Scene, workload: Workload) -> Iterator[Edge]:
    """Workloads beside whose pods the scheduler must place these."""
    path = "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    for term in items(workload.template, path):
        for other in scene.workloads.get(workload.namespace, []):
            if other.ref != workload.ref and matches(term.get("labelSelector"), other.labels):
                yield Edge(workload.ref, other.ref, "needs", note="to run beside it")


def _checked(scene: Scene, edge: Edge) -> Edge:
    node = scene.snapshot.find(edge.target)
    if not condition(node, "Ready") or is_true(node, "Ready"):
        return edge
    return Edge(edge.source, edge.target, edge.relation, note="the node is not ready", broken=True)


def _closed(node: Manifest, workload: Workload) -> str:
    """Why the node takes none of the workload's pods; empty when nothing of its own keeps them out."""
    if is_cordoned(node):
        return "cordoned"
    if condition(node, "Ready") and not is_true(node, "Ready"):
        return "not ready"
    tolerations = items(workload.template, "spec.tolerations")
    for taint in items(node, "spec.taints"):
        if taint.get("effect") in _KEEPS_OUT and not any(_tolerates(t, taint) for t in tolerations):
            return f"taint {text(taint, 'key')}={text(taint, 'value')}:{taint.get('effect')}"
    having = labels(node)
    lacks = {k: v for k, v in mapping(workload.template, "spec.nodeSelector").items() if having.get(k) != v}
    return " ".join(f"has no label {k}={v}" for k, v in lacks.items()) if len(lacks) == 1 else ""


def _tolerates(toleration: Manifest, taint: Manifest) -> bool:
    """As kubernetes/component-helpers does: no effect means all effects, no key with Exists means all taints."""
    if text(toleration, "effect") not in ("", taint.get("effect")):
        return False
    exists = text(toleration, "operator", "Equal") == "Exists"
    if not text(toleration, "key"):
        return exists
    same = dig(toleration, "key") == taint.get("key")
    return same and (exists or text(toleration, "value") == text(taint, "value"))
