"""Workloads and their revisions: which pod template runs now, which ran before, and what differs.

A Deployment's revisions are its ReplicaSets (numbered by an annotation); those of a StatefulSet or DaemonSet
are ControllerRevisions, whose pods carry the revision in the label controller-revision-hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from suture.diagnosis.fields import annotation, items, labels, mapping, number, text, when
from suture.diagnosis.pods import is_live, is_ready, revision_hash
from suture.domain.redaction import HIDDEN, is_secret_name, redact_text
from suture.domain.snapshot import Manifest, Snapshot, dig
from suture.domain.target import ObjectRef

ROLLING = ("Deployment", "StatefulSet", "DaemonSet")
SCALABLE = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
WORKLOADS = (*ROLLING, "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod")
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_MISSING: Any = object()


@dataclass(frozen=True)
class Revision:
    """One state of a workload's pod template. `wanted`, `ready` and `available` count its pods as they are
    now.
    """

    number: int
    template: Manifest = field(repr=False)
    created: datetime | None
    hash: str
    wanted: int
    ready: int
    available: int
    current: bool


def pod_template(manifest: Manifest) -> Manifest:
    """The pod template of a workload; a pod is its own."""
    kind = manifest.get("kind")
    if kind == "Pod":
        return manifest
    return mapping(manifest, "spec.jobTemplate.spec.template" if kind == "CronJob" else "spec.template")


def revisions(snapshot: Snapshot, ref: ObjectRef) -> list[Revision]:
    """The known revisions, newest first; empty for kinds without any."""
    manifest = snapshot.find(ref)
    if manifest is None or ref.kind not in ROLLING:
        return []
    found = (
        _replica_sets(snapshot, manifest)
        if ref.kind == "Deployment"
        else _controller_revisions(snapshot, manifest)
    )
    return sorted(found, key=lambda r: r.number, reverse=True)


def _replica_sets(snapshot: Snapshot, deployment: Manifest) -> list[Revision]:
    sets = [o for o in snapshot.owned_by(deployment) if o.get("kind") == "ReplicaSet"]
    now = essence(pod_template(deployment), restarts=True)
    same = [rs for rs in sets if essence(pod_template(rs), restarts=True) == now]
    current = max(same, key=_revision_number, default=None)
    return [
        Revision(
            number=_revision_number(rs),
            template=pod_template(rs),
            created=when(rs, "metadata.creationTimestamp"),
            hash=labels(rs).get("pod-template-hash", ""),
            wanted=number(rs, "spec.replicas"),
            ready=number(rs, "status.readyReplicas"),
            available=number(rs, "status.availableReplicas"),
            current=rs is current,
        )
        for rs in sets
    ]


def _revision_number(replica_set: Manifest) -> int:
    shown = annotation(replica_set, "deployment.kubernetes.io/revision")
    return int(shown) if shown.isdecimal() else 0


def _controller_revisions(snapshot: Snapshot, workload: Manifest) -> list[Revision]:
    records = [o for o in snapshot.owned_by(workload) if o.get("kind") == "ControllerRevision"]
    newest = text(workload, "status.updateRevision")
    if not any(text(o, "metadata.name") == newest for o in records):
        newest = text(max(records, key=lambda o: number(o, "revision"), default={}), "metadata.name")
    pods = [p for p in snapshot.owned_by(workload) if p.get("kind") == "Pod" and is_live(p)]
    return [_of_controller_revision(o, pods, newest) for o in records]


def _of_controller_revision(record: Manifest, pods: Sequence[Manifest], newest: str) -> Revision:
    name = text(record, "metadata.name")
    # StatefulSet pods are labelled with the name of their revision, DaemonSet pods with its hash only.
    hashes = {name, labels(record).get("controller-revision-hash", name)}
    mine = [p for p in pods if revision_hash(p) in hashes]
    ready = sum(is_ready(p) for p in mine)
    return Revision(
        number=number(record, "revision"),
        template={k: v for k, v in mapping(record, "data.spec.template").items() if k != "$patch"},
        created=when(record, "metadata.creationTimestamp"),
        hash=revision_hash(mine[0]) if mine else name,
        wanted=len(mine),
        ready=ready,
        available=ready,
        current=name == newest,
    )


def essence(template: Manifest, restarts: bool = False) -> Manifest:
    """A template without what says nothing about the software: the hash label and (unless asked for) the
    restart mark.
    """
    drop = {"pod-template-hash", "controller-revision-hash"} | (set() if restarts else {RESTARTED_AT})
    meta = {
        part: {k: v for k, v in mapping(template, f"metadata.{part}").items() if k not in drop}
        for part in ("labels", "annotations")
    }
    return {"metadata": {k: v for k, v in meta.items() if v}, "spec": mapping(template, "spec")}


def differences(old: Any, new: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs, by dotted path (list items by their name where all have one): path -> (before, after).

    >>> differences({"list": [{"name": "web", "image": "a:1"}]}, {"list": [{"name": "web", "image": "a:2"}]})
    {'list.web.image': ('a:1', 'a:2')}
    """
    if old is not _MISSING and new is not _MISSING and old == new and type(old) is type(new):
        return {}
    before, after = _parts(old), _parts(new)
    if before is None or after is None:
        return {path: (None if old is _MISSING else old, None if new is _MISSING else new)}
    found: dict[str, tuple[Any, Any]] = {}
    for key in [*before, *(k for k in after if k not in before)]:
        inner = f"{path}.{key}" if path else key
        found.update(differences(before.get(key, _MISSING), after.get(key, _MISSING), inner))
    return found


def _parts(value: Any) -> dict[str, Any] | None:
    """The members of an object, or of a list whose items all have distinct names; None for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value:
        names = [x.get("name") if isinstance(x, dict) else None for x in value]
        if all(isinstance(n, str) for n in names) and len(set(names)) == len(names):
            return dict(zip(map(str, names), value, strict=True))
    return None


def template_changes(old: Manifest, new: Manifest) -> dict[str, tuple[Any, Any]]:
    """What differs between two pod templates in earnest, by dotted path below the template
    (`spec.containers.web.image`).
    """
    return differences(essence(old), essence(new))


def tell_changes(changes: dict[str, tuple[Any, Any]], limit: int = 4) -> str:
    """The changes as one line for people, with secret-like values hidden.

    >>> tell_changes({"spec.containers.web.image": ("a:1", "a:2"), "spec.nodeSelector": (None, {"z": "b"})})
    "containers.web.image 'a:1' -> 'a:2', nodeSelector none -> {'z': 'b'}"
    """
    shown = [
        f"{p.removeprefix('spec.')} {_show(p, a)} -> {_show(p, b)}"
        for p, (a, b) in list(changes.items())[:limit]
    ]
    return ", ".join(shown) + (f" and {len(changes) - limit} more" if len(changes) > limit else "")


def _show(path: str, value: Any) -> str:
    if value is None:
        return "none"
    if any(is_secret_name(part) for part in path.split(".")) or (
        ".env" in path and isinstance(value, list | dict)
    ):
        return HIDDEN
    shown = redact_text(repr(value))
    return shown if len(shown) <= 80 else shown[:77] + "..."


def container_of(manifest: Manifest, name: str) -> Manifest:
    """A container of a workload's template by name, init containers included."""
    template = pod_template(manifest)
    found = dig(
        {"all": items(template, "spec.initContainers") + items(template, "spec.containers")}, f"all.{name}"
    )
    return found if isinstance(found, dict) else {}
