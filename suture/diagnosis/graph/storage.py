"""Claims, volumes and storage classes, with the defaults that the API server and the controllers fill in."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import annotation, items, mapping, number, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene, Workload
from suture.diagnosis.workload import pod_template
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"


def storage(scene: Scene) -> Iterator[Edge]:
    """Claims of StatefulSets and of pods' own volumes, then what every claim and volume stands on."""
    for workload in scene.each_workload():
        if workload.ref.kind == "StatefulSet":
            yield from _claims_of(scene, workload)
        for volume in items(pod_template(workload.manifest), "spec.volumes"):
            if claim := mapping(volume, "ephemeral.volumeClaimTemplate"):
                yield from _class(scene, workload.ref, claim)
    for ref, claim in scene.each("PersistentVolumeClaim"):
        yield from _of_claim(scene, ref, claim)
    for ref, volume in scene.all("PersistentVolume"):
        if name := text(volume, "spec.storageClassName"):
            yield from (e for e in scene.edge(ref, "needs", "StorageClass", name) if e.exists)


def _claims_of(scene: Scene, workload: Workload) -> Iterator[Edge]:
    """TEMPLATE-NAME-ORDINAL of every pod that is there; the controller makes the others when it needs them."""
    names = {text(p, "metadata.name") for p in workload.pods}
    first = number(workload.manifest, "spec.ordinals.start")
    for claim in items(workload.manifest, "spec.volumeClaimTemplates"):
        made_for = [(text(claim, "metadata.name"), n) for n in sorted(names)]
        if not names:
            yield from _class(scene, workload.ref, claim)
            made_for = [(text(claim, "metadata.name"), f"{workload.ref.name}-{first}")]
        for template, pod in made_for:
            found = scene.edge(workload.ref, "mounts", "PersistentVolumeClaim", f"{template}-{pod}")
            yield from (e for e in found if e.exists or pod in names)


def _of_claim(scene: Scene, ref: ObjectRef, claim: Manifest) -> Iterator[Edge]:
    yield from _class(scene, ref, claim)
    if volume := text(claim, "spec.volumeName"):
        for edge in scene.edge(ref, "is bound to", "PersistentVolume", volume):
            yield _checked(scene, ref, edge)
    for field in ("spec.dataSourceRef", "spec.dataSource"):
        if text(claim, f"{field}.kind") == "PersistentVolumeClaim" and text(claim, "status.phase") != "Bound":
            yield from scene.edge(ref, "needs", "PersistentVolumeClaim", text(claim, f"{field}.name"))
            return


def _checked(scene: Scene, ref: ObjectRef, edge: Edge) -> Edge:
    """A volume that belongs to another claim never binds to this one."""
    holder = mapping(scene.snapshot.find(edge.target), "spec.claimRef")
    if not holder or (holder.get("namespace"), holder.get("name")) == (ref.namespace, ref.name):
        return edge
    note = f"the volume belongs to {text(holder, 'namespace')}/{text(holder, 'name')}"
    return Edge(edge.source, edge.target, edge.relation, note=note, broken=True)


def _class(scene: Scene, ref: ObjectRef, claim: Manifest) -> Iterator[Edge]:
    """An absent class means the default one, an empty one none at all. A bound claim no longer needs it to be there."""
    name = dig(claim, "spec.storageClassName", annotation(claim, _LEGACY_CLASS) or None)
    if name is None:
        for default, found in scene.all("StorageClass"):
            if annotation(found, DEFAULT_CLASS) == "true":
                yield Edge(ref, default, "needs", note="the default class")
    elif isinstance(name, str) and name and not _settled(scene, ref, claim, name):
        yield from scene.edge(ref, "needs", "StorageClass", name)


def _settled(scene: Scene, ref: ObjectRef, claim: Manifest, name: str) -> bool:
    """Bound to a volume, or to be bound to one by hand, without the class being there (a class that is only a name)."""
    if scene.get("StorageClass", "", name) is not None or ref.kind != "PersistentVolumeClaim":
        return False
    by_hand = any(
        text(v, "spec.storageClassName") == name and text(v, "status.phase") == "Available"
        for _, v in scene.all("PersistentVolume")
    )
    return text(claim, "status.phase") == "Bound" or by_hand
