"""Network policies: whose traffic they restrict, and whom their rules name as peers.

A policy that isolates a database concerns whoever calls it: the callers are found through the peers that it names.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import items
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import matches, namespace_labels
from suture.diagnosis.graph.scene import Scene, Workload
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef


def network_policies(scene: Scene) -> Iterator[Edge]:
    """Of every policy: an empty pod selector means all pods of its namespace."""
    for ref, policy in scene.each("NetworkPolicy"):
        ways = _directions(policy)
        for workload in scene.workloads.get(ref.namespace, []):
            if matches(dig(policy, "spec.podSelector"), workload.labels, absent=True):
                yield Edge(ref, workload.ref, "isolates", note=f"{' and '.join(ways)} traffic")
        yield from _peers(scene, ref, items(policy, "spec.ingress"), "from", "lets in")
        yield from _peers(scene, ref, items(policy, "spec.egress"), "to", "lets out to")


def _directions(policy: Manifest) -> list[str]:
    """The policy's types; without any it is about ingress, and about egress if it has such rules."""
    named = dig(policy, "spec.policyTypes")
    if isinstance(named, list) and named:
        return [str(n).lower() for n in named]
    return ["ingress", *(["egress"] if items(policy, "spec.egress") else [])]


def _peers(scene: Scene, ref: ObjectRef, rules: list[Manifest], field: str, relation: str) -> Iterator[Edge]:
    named = [p for rule in rules for p in items(rule, field)]
    for namespace, workloads in scene.workloads.items():
        having = namespace_labels(scene, namespace)
        peers = [p for p in named if _reaches(p, namespace == ref.namespace, having)]
        for workload in workloads if peers else ():
            if any(_is_peer(p, workload) for p in peers):
                yield Edge(ref, workload.ref, relation)


def _reaches(peer: Manifest, near: bool, namespace: dict[str, str]) -> bool:
    """A pod selector alone is about the policy's own namespace."""
    wanted = peer.get("namespaceSelector")
    return near if wanted is None else matches(wanted, namespace)


def _is_peer(peer: Manifest, workload: Workload) -> bool:
    """A namespace selector alone is about all pods there; a peer without either is an address block."""
    return matches(peer.get("podSelector"), workload.labels, absent=peer.get("namespaceSelector") is not None)
