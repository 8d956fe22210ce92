"""What a pod needs to start: ConfigMaps, Secrets, claims and its service account, and which of them are
missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from suture.diagnosis.fields import items, mapping, text
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef

RESTORABLE = ("ConfigMap", "Secret", "ServiceAccount")  # a claim made anew would be an empty volume


@dataclass(frozen=True)
class Reference:
    """A non-optional reference of a pod template to another object of its namespace; `key` when it needs one
    entry.
    """

    kind: str
    name: str
    key: str = ""

    def ref(self, namespace: str) -> ObjectRef | None:
        """The object meant; None when the name could never be one."""
        try:
            return ObjectRef(kind=self.kind, namespace=namespace, name=self.name)
        except ValueError:
            return None


def references(template: Manifest) -> set[Reference]:
    """Everything that pods of this template cannot start without."""
    found = {*_of_containers(template), *_of_volumes(template)}
    account = text(template, "spec.serviceAccountName")
    if account:
        found.add(Reference("ServiceAccount", account))
    return {r for r in found if r.name}


def _of_containers(template: Manifest) -> Iterator[Reference]:
    for container in items(template, "spec.initContainers") + items(template, "spec.containers"):
        for env in items(container, "env"):
            source = mapping(env, "valueFrom")
            yield from _named("ConfigMap", source, "configMapKeyRef", "name")
            yield from _named("Secret", source, "secretKeyRef", "name")
        for source in items(container, "envFrom"):
            yield from _named("ConfigMap", source, "configMapRef", "name")
            yield from _named("Secret", source, "secretRef", "name")


def _of_volumes(template: Manifest) -> Iterator[Reference]:
    for volume in items(template, "spec.volumes"):
        yield from _named("ConfigMap", volume, "configMap", "name")
        yield from _named("Secret", volume, "secret", "secretName")
        yield from _named("PersistentVolumeClaim", volume, "persistentVolumeClaim", "claimName")
        for source in items(volume, "projected.sources"):
            yield from _named("ConfigMap", source, "configMap", "name")
            yield from _named("Secret", source, "secret", "name")


def _named(kind: str, holder: Manifest, field: str, name_field: str) -> Iterator[Reference]:
    source = mapping(holder, field)
    if not source or source.get("optional") is True:
        return
    name = text(source, name_field)
    yield Reference(kind, name, text(source, "key"))
    for item in items(source, "items"):
        yield Reference(kind, name, text(item, "key"))


def missing(
    snapshot: Snapshot, template: Manifest, namespace: str, said: Iterable[str] = ()
) -> list[Reference]:
    """References that lead nowhere, by name. Absence counts when the snapshot knows other objects of the
    kind, or when one of the texts in `said` (status and events) names the object: a kind that the engine may
    not read is not missing.
    """
    texts = [t for t in said if "not found" in t or "find key" in t]
    return sorted(
        (r for r in references(template) if _is_missing(snapshot, r, namespace, texts)),
        key=lambda r: (r.kind, r.name, r.key),
    )


def _is_missing(snapshot: Snapshot, reference: Reference, namespace: str, texts: list[str]) -> bool:
    there = snapshot.get(reference.kind, namespace, reference.name)
    if there is None:
        known = bool(snapshot.all(reference.kind, namespace))
        return known or any(f'"{reference.name}"' in t for t in texts)
    if not reference.key or reference.kind not in ("ConfigMap", "Secret"):
        return False
    entries = {**mapping(there, "data"), **mapping(there, "binaryData"), **mapping(there, "stringData")}
    return reference.key not in entries
