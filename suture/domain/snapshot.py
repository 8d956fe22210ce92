"""One reading of a cluster: plain manifests with the look-ups that diagnosis needs. Pure; nothing here talks to a server.

Secrets arrive with every value replaced by a keyed hash, so that two values can be compared but never read.
The manifests are shared with the adapter's cache: treat them as read-only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from suture.domain.target import ObjectRef

Manifest = dict[str, Any]
CLUSTER_SCOPED = frozenset(
    (
        "Node",
        "Namespace",
        "PersistentVolume",
        "StorageClass",
        "PriorityClass",
        "IngressClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    )
)


def ref_of(manifest: Manifest) -> ObjectRef:
    """The reference of a manifest (its `kind` must be filled in, as the adapter does for list items)."""
    meta = manifest["metadata"]
    return ObjectRef(kind=manifest["kind"], namespace=meta.get("namespace", ""), name=meta["name"])


def dig(value: Any, path: str, default: Any = None) -> Any:
    """The value at a dotted path; list items by index or by their `name`. None and missing both give the default.

    >>> dig({"spec": {"containers": [{"name": "web", "image": "a"}]}}, "spec.containers.web.image")
    'a'
    """
    for part in path.split("."):
        if isinstance(value, list):
            value = next(
                (
                    x
                    for i, x in enumerate(value)
                    if str(i) == part or (isinstance(x, dict) and x.get("name") == part)
                ),
                None,
            )
        else:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            return default
    return value


class Snapshot:
    """Objects of one namespace (or of all) plus what is cluster-wide, as they were at `taken_at`."""

    def __init__(self, objects: Iterable[Manifest], taken_at: datetime, cluster: str = "default") -> None:
        self.taken_at = taken_at
        self.cluster = cluster
        self._by_kind: dict[str, dict[tuple[str, str], Manifest]] = defaultdict(dict)
        for o in objects:
            meta = o["metadata"]
            self._by_kind[o["kind"]][meta.get("namespace", ""), meta["name"]] = o
        self._by_owner: dict[str, list[Manifest]] | None = None

    def __iter__(self) -> Iterator[Manifest]:
        for objects in self._by_kind.values():
            yield from objects.values()

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._by_kind.get(kind, {}).get(("" if kind in CLUSTER_SCOPED else namespace, name))

    def find(self, ref: ObjectRef) -> Manifest | None:
        return self.get(ref.kind, ref.namespace, ref.name)

    def all(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """Every object of a kind, in one namespace or in all."""
        return [
            o for (ns, _), o in self._by_kind.get(kind, {}).items() if namespace is None or ns == namespace
        ]

    def owned_by(self, manifest: Manifest) -> list[Manifest]:
        """Objects whose controller is this one (by uid)."""
        if self._by_owner is None:
            self._by_owner = defaultdict(list)
            for o in self:
                for owner in o["metadata"].get("ownerReferences") or ():
                    if owner.get("controller"):
                        self._by_owner[owner["uid"]].append(o)
        return self._by_owner.get(manifest["metadata"].get("uid", ""), [])

    def controller_of(self, manifest: Manifest) -> ObjectRef | None:
        """The controller that the object names as its owner, whether or not it still exists."""
        meta = manifest["metadata"]
        for owner in meta.get("ownerReferences") or ():
            if owner.get("controller"):
                namespace = "" if owner["kind"] in CLUSTER_SCOPED else meta.get("namespace", "")
                return ObjectRef(kind=owner["kind"], namespace=namespace, name=owner["name"])
        return None

    def top_owner(self, ref: ObjectRef) -> ObjectRef:
        """Follow controllers upwards (pod -> replica set -> deployment); the reference itself when it has none."""
        for _ in range(8):
            manifest = self.find(ref)
            above = self.controller_of(manifest) if manifest else None
            if above is None:
                return ref
            ref = above
        return ref

    def pods_of(self, ref: ObjectRef) -> list[Manifest]:
        """The pods that belong to a workload through its controllers, those being deleted included."""
        manifest = self.find(ref)
        if manifest is None:
            return []
        if ref.kind == "Pod":
            return [manifest]
        found: list[Manifest] = []
        stack = [manifest]
        while stack:
            for child in self.owned_by(stack.pop()):
                (found if child["kind"] == "Pod" else stack).append(child)
        return found

    def events_of(self, ref: ObjectRef) -> list[Manifest]:
        """Events about an object, oldest first."""
        about = [
            e
            for e in self.all("Event")
            if dig(e, "involvedObject.kind") == ref.kind
            and dig(e, "involvedObject.name") == ref.name
            and (dig(e, "involvedObject.namespace") or "") in ("", ref.namespace)
        ]
        return sorted(about, key=event_time)


def event_time(event: Manifest) -> str:
    """When an event was last seen, as RFC 3339 text (sorts by time)."""
    return str(
        event.get("lastTimestamp")
        or dig(event, "series.lastObservedTime")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )
