"""What a pod template names: ConfigMaps, Secrets, claims, service account and priority class, optional ones too.

`diagnosis.references` answers a narrower question (what must be there for a pod to start); here everything counts
that the behaviour of the pods may depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suture.diagnosis.fields import items, mapping, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene
from suture.diagnosis.pods import container_specs
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef

INJECTED = "kube-api-access-"  # the volume that the API server adds to every pod


@dataclass(frozen=True)
class Use:
    """One reference of a template; `keys` when it needs entries of the object."""

    relation: str
    kind: str
    name: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    where: str = ""


def template_references(scene: Scene) -> Iterator[Edge]:
    """Of every workload, and of pods that differ from what their workload would make now."""
    for workload in scene.each_workload():
        mine = list(dict.fromkeys(uses(workload.template)))
        yield from _edges(scene, workload.ref, mine)
        known = {(u.kind, u.name) for u in mine}
        for pod in workload.pods:
            if pod is not workload.manifest:
                yield from _differing(scene, workload.ref, pod, known)


def _differing(scene: Scene, owner: ObjectRef, pod: Manifest, known: set[tuple[str, str]]) -> Iterator[Edge]:
    ref = scene.ref_of(pod)
    others = [u for u in uses(pod) if (u.kind, u.name) not in known]
    if ref is not None and others:
        yield from _edges(scene, ref, others)


def _edges(scene: Scene, source: ObjectRef, found: list[Use]) -> Iterator[Edge]:
    for use in found:
        for edge in scene.edge(
            source, use.relation, use.kind, use.name, optional=use.optional, note=use.where
        ):
            yield _checked(scene, edge, use)


def _checked(scene: Scene, edge: Edge, use: Use) -> Edge:
    there = scene.snapshot.find(edge.target)
    if there is None or use.optional or use.kind not in ("ConfigMap", "Secret"):
        return edge
    having = {**mapping(there, "data"), **mapping(there, "binaryData"), **mapping(there, "stringData")}
    lost = [k for k in use.keys if k not in having]
    if not lost:
        return edge
    note = f"has no key {', '.join(lost)}"
    return Edge(edge.source, edge.target, edge.relation, note=note, broken=True)


def uses(template: Manifest) -> Iterator[Use]:
    """Everything that a template names."""
    for name, container in container_specs(template).items():
        yield from _of_container(name, container)
    for volume in items(template, "spec.volumes"):
        if not text(volume, "name").startswith(INJECTED):
            yield from _of_volume(volume)
    for secret in items(template, "spec.imagePullSecrets"):
        yield from _named("pulls with", "Secret", secret, "name")
    account = text(template, "spec.serviceAccountName") or text(template, "spec.serviceAccount")
    yield Use("runs as", "ServiceAccount", account or "default")
    if priority := text(template, "spec.priorityClassName"):
        yield Use("needs", "PriorityClass", priority)


def _of_container(name: str, container: Manifest) -> Iterator[Use]:
    for env in items(container, "env"):
        where = f"for {text(env, 'name')}"
        source = mapping(env, "valueFrom")
        yield from _named("reads", "ConfigMap", mapping(source, "configMapKeyRef"), "name", where)
        yield from _named("reads", "Secret", mapping(source, "secretKeyRef"), "name", where)
    for source in items(container, "envFrom"):
        yield from _named("reads", "ConfigMap", mapping(source, "configMapRef"), "name")
        yield from _named("reads", "Secret", mapping(source, "secretRef"), "name")


def _of_volume(volume: Manifest) -> Iterator[Use]:
    yield from _named("mounts", "ConfigMap", mapping(volume, "configMap"), "name")
    yield from _named("mounts", "Secret", mapping(volume, "secret"), "secretName")
    yield from _named(
        "mounts", "PersistentVolumeClaim", mapping(volume, "persistentVolumeClaim"), "claimName"
    )
    for source in items(volume, "projected.sources"):
        yield from _named("mounts", "ConfigMap", mapping(source, "configMap"), "name")
        yield from _named("mounts", "Secret", mapping(source, "secret"), "name")
    for kind, source in volume.items():
        field = "nodePublishSecretRef" if kind == "csi" else "secretRef"
        yield from _named(
            "reads", "Secret", mapping(source, field), "name", f"for volume {text(volume, 'name')}"
        )


def _named(relation: str, kind: str, source: Manifest, field: str, where: str = "") -> Iterator[Use]:
    name = text(source, field)
    if not name:
        return
    keys = [text(source, "key"), *(text(i, "key") for i in items(source, "items"))]
    optional = source.get("optional") is True
    yield Use(relation, kind, name, tuple(k for k in keys if k), optional, where)
