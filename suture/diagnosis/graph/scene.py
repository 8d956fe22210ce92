"""The snapshot, prepared for the readers of edges: workloads by namespace, owners, and what counts as absent."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from suture.diagnosis.fields import items, labels, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.workload import WORKLOADS, pod_template
from suture.domain.snapshot import CLUSTER_SCOPED, Manifest, Snapshot
from suture.domain.target import ObjectRef

# Kinds that an installation is often not allowed to read: that none is seen does not mean that none exists.
WITHHELD: Final = frozenset({*CLUSTER_SCOPED, "Secret", "Role", "ServiceAccount"})
_NOT_FOUND = re.compile(r'([A-Za-z]+)[\w.]* "([^"\s]{1,253})" not found')
_NO_WORKLOAD = ("Event", "EndpointSlice", "ControllerRevision")


@dataclass(frozen=True)
class Workload:
    """A top owner that makes pods (or is one), with what selectors look at."""

    ref: ObjectRef
    manifest: Manifest = field(repr=False)
    template: Manifest = field(repr=False)
    labels: dict[str, str]
    pods: list[Manifest] = field(repr=False, default_factory=list)
    pod_labels: list[dict[str, str]] = field(repr=False, default_factory=list)

    @property
    def namespace(self) -> str:
        return self.ref.namespace


def ref_to(kind: str, namespace: str, name: str) -> ObjectRef | None:
    """The object of this name; None when the name could never be one."""
    try:
        return ObjectRef(kind=kind, namespace="" if kind in CLUSTER_SCOPED else namespace, name=name)
    except ValueError:
        return None


class Scene:
    """What the readers ask. `namespace` limits the graph to one namespace and what is cluster-wide."""

    def __init__(self, snapshot: Snapshot, namespace: str | None = None) -> None:
        self.snapshot = snapshot
        self._by_kind: dict[tuple[str, str], list[tuple[ObjectRef, Manifest]]] = defaultdict(list)
        self._refs: dict[int, ObjectRef] = {}
        for manifest in snapshot:
            self._put(manifest, namespace)
        self.namespaces: frozenset[str] = frozenset(
            {namespace} if namespace else {ns for kind, ns in self._by_kind if ns and kind != "Event"}
        )
        self._kinds = {kind for kind, _ in self._by_kind}

    def _put(self, manifest: Manifest, only: str | None) -> None:
        kind, meta = text(manifest, "kind"), manifest.get("metadata")
        namespace = "" if kind in CLUSTER_SCOPED else text(meta, "namespace")
        if only and namespace and namespace != only:
            return
        ref = ref_to(kind, namespace, text(meta, "name"))
        if ref is not None:
            self._by_kind[kind, namespace].append((ref, manifest))
            self._refs[id(manifest)] = ref

    def all(self, kind: str, namespace: str = "") -> list[tuple[ObjectRef, Manifest]]:
        """The objects of a kind in one namespace (cluster-wide kinds: without one), with their references."""
        return self._by_kind.get((kind, namespace), [])

    def each(self, kind: str) -> Iterator[tuple[ObjectRef, Manifest]]:
        """The objects of a namespaced kind in every namespace of the graph."""
        for namespace in sorted(self.namespaces):
            yield from self.all(kind, namespace)

    def ref_of(self, manifest: Manifest) -> ObjectRef | None:
        """The reference of one of the snapshot's own manifests; None when it has no proper name."""
        return self._refs.get(id(manifest))

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self.snapshot.get(kind, namespace, name)

    @cached_property
    def owner_of(self) -> dict[ObjectRef, ObjectRef]:
        """Controllers that are there, by what they control."""
        by_uid = {
            uid: ref
            for of_kind in self._by_kind.values()
            for ref, m in of_kind
            if (uid := text(m, "metadata.uid"))
        }
        found: dict[ObjectRef, ObjectRef] = {}
        for (kind, _), of_kind in self._by_kind.items():
            if kind in _NO_WORKLOAD:
                continue
            for ref, manifest in of_kind:
                above = next(
                    (o for o in items(manifest, "metadata.ownerReferences") if o.get("controller")), None
                )
                owner = by_uid.get(text(above, "uid"))
                if owner is not None and owner != ref and owner.kind != "Node":
                    found[ref] = owner
        return found

    def top(self, ref: ObjectRef) -> ObjectRef:
        """The top owner, as far as controllers are there."""
        for _ in range(8):
            above = self.owner_of.get(ref)
            if above is None:
                return ref
            ref = above
        return ref

    @cached_property
    def workloads(self) -> dict[str, list[Workload]]:
        """Top owners by namespace."""
        found: dict[ObjectRef, Workload] = {}
        for kind in WORKLOADS:
            for ref, manifest in self.each(kind):
                if self.owner_of.get(ref) is None:
                    template = pod_template(manifest)
                    found[ref] = Workload(ref, manifest, template, labels(template))
        for ref, pod in self.each("Pod"):
            owner = found.get(self.top(ref))
            if owner is not None:
                owner.pods.append(pod)
                owner.pod_labels.append(labels(pod))
        by_namespace: dict[str, list[Workload]] = defaultdict(list)
        for workload in found.values():
            by_namespace[workload.namespace].append(workload)
        return by_namespace

    def each_workload(self) -> Iterator[Workload]:
        for of_namespace in self.workloads.values():
            yield from of_namespace

    def edge(
        self,
        source: ObjectRef,
        relation: str,
        kind: str,
        name: str,
        *,
        namespace: str | None = None,
        optional: bool = False,
        note: str = "",
    ) -> Iterator[Edge]:
        """The edge to an object that is named; none when the name could never be one."""
        target = ref_to(kind, source.namespace if namespace is None else namespace, name)
        if target is None:
            return
        there = self.snapshot.find(target) is not None
        if there or (not optional and self.is_missing(target)):
            yield Edge(
                source, target, relation, exists=there, note=note if there else _and(note, "does not exist")
            )
        else:
            why = "optional, and not there" if optional else "cannot be seen from here"
            yield Edge(source, target, relation, note=_and(note, why))

    def is_missing(self, ref: ObjectRef) -> bool:
        """Whether an object that the snapshot lacks is known not to exist."""
        if ref.kind not in CLUSTER_SCOPED and ref.namespace not in self.namespaces:
            others = self.all("Namespace")
            return bool(others) and self.get("Namespace", "", ref.namespace) is None
        if ref.kind not in WITHHELD or ref.kind in self._kinds or f"{ref.kind}Binding" in self._kinds:
            return True
        return (_singular(ref.kind), ref.name) in self._said

    @cached_property
    def _said(self) -> set[tuple[str, str]]:
        """What Kubernetes itself says it cannot find, in events and in the states of containers."""
        texts = [text(e, "message") for _, e in self.each("Event")]
        for _, pod in self.each("Pod"):
            for status in items(pod, "status.initContainerStatuses") + items(pod, "status.containerStatuses"):
                texts.append(text(status, "state.waiting.message"))
        return {
            (_singular(kind), name) for t in texts if "not found" in t for kind, name in _NOT_FOUND.findall(t)
        }


def _singular(kind: str) -> str:
    return kind.lower().removesuffix("s")


def _and(note: str, more: str) -> str:
    return f"{note}, {more}" if note else more
