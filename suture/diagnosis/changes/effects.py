"""What a repaired object needs so that it takes effect, and nothing more.

A container reads its environment when it starts, and files by subPath too; other mounted files follow their source.
So pods that started with the bad values are replaced, pods that crash anyway start again by themselves (unless their
next start is far away), and pods from before the change never knew it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from suture.diagnosis.case import expect_of
from suture.diagnosis.fields import items, mapping, number, text, when
from suture.diagnosis.owners import climb
from suture.diagnosis.pods import container_statuses, is_live, is_ready
from suture.diagnosis.workload import ROLLING, WORKLOADS, pod_template
from suture.domain.action import Action, DeletePod, RestartRollout
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

PATIENT_RESTARTS = 4  # the kubelet's next back-off is then 80 s or more
MOST_PODS = 10
CRASHING = ("CrashLoopBackOff", "RunContainerError", "CreateContainerError")


def users(snapshot: Snapshot, ref: ObjectRef) -> list[ObjectRef]:
    """The workloads whose template names a ConfigMap, Secret or service account."""
    return sorted(
        {
            climb(snapshot, ref_of(m))
            for kind in WORKLOADS
            for m in snapshot.all(kind, ref.namespace)
            if any(_reads(pod_template(m), ref))
        },
        key=str,
    )


def _reads(template: Manifest, ref: ObjectRef) -> Iterator[bool]:
    """One entry for each use: whether the value is read at the container's start only."""
    if ref.kind == "ServiceAccount":
        if (text(template, "spec.serviceAccountName") or "default") == ref.name:
            yield False
        return
    low = "configMap" if ref.kind == "ConfigMap" else "secret"
    mounted = {
        text(v, "name")
        for v in items(template, "spec.volumes")
        for source in (v, *items(v, "projected.sources"))
        if ref.name in (text(source, f"{low}.name"), text(source, f"{low}.secretName"))
    }
    for container in items(template, "spec.initContainers") + items(template, "spec.containers"):
        for e in items(container, "env"):
            if text(mapping(e, "valueFrom"), f"{low}KeyRef.name") == ref.name:
                yield True
        for e in items(container, "envFrom"):
            if text(e, f"{low}Ref.name") == ref.name:
                yield True
        for m in items(container, "volumeMounts"):
            if text(m, "name") in mounted:
                yield bool(text(m, "subPath") or text(m, "subPathExpr"))


def follow_up(snapshot: Snapshot, ref: ObjectRef, changed_at: datetime) -> Iterator[Action]:
    """The restarts that make a restored ConfigMap or Secret take effect."""
    for owner in users(snapshot, ref):
        manifest = snapshot.find(owner)
        pods = [p for p in snapshot.pods_of(owner) if is_live(p)]
        at_start = manifest is not None and any(_reads(pod_template(manifest), ref))
        stale = at_start and any(all_started(p, changed_at) for p in pods if not _crashing(p))
        if stale and owner.kind in ROLLING and any(_reads_at_start(manifest, ref)):
            yield RestartRollout(object=owner)
        else:
            yield from start_now(pods)


def in_effect(snapshot: Snapshot, ref: ObjectRef, since: datetime) -> bool:
    """Whether anybody can have met the change of a ConfigMap or Secret: false only when it is read at the start of
    containers alone, and none has started since.
    """
    found = [m for u in users(snapshot, ref) if (m := snapshot.find(u)) is not None]
    readers = [m for m in found if m["kind"] not in ("Job", "CronJob")]  # whose pods may be gone already
    if not readers or not all(all(_reads(pod_template(m), ref)) for m in readers):
        return True
    return any(
        _begun(status, since)
        for m in readers
        for pod in snapshot.pods_of(ref_of(m))
        for status, _ in container_statuses(pod)
    )


def _begun(status: Manifest, since: datetime) -> bool:
    """Waits to start, or has started since. Times of the kubelet are whole seconds."""
    started = when(status, "state.running.startedAt") or when(status, "state.terminated.startedAt")
    return started is None or (since - started).total_seconds() < 1.0


def _reads_at_start(manifest: Manifest | None, ref: ObjectRef) -> Iterator[bool]:
    return (r for r in _reads(pod_template(manifest or {}), ref) if r)


def all_started(pod: Manifest, since: datetime) -> bool:
    """Whether a running, ready pod started after this moment (with the values of then)."""
    starts = [t for s, _ in container_statuses(pod) if (t := when(s, "state.running.startedAt"))]
    return is_ready(pod) and any(t > since for t in starts)


def start_now(pods: Iterable[Manifest]) -> Iterator[Action]:
    """Delete crashing pods whose next start is far away; their controller makes them anew at once."""
    late = [p for p in pods if _crashing(p) and _restarts(p) >= PATIENT_RESTARTS and _controlled(p)]
    for pod in sorted(late, key=lambda p: text(p, "metadata.name"))[:MOST_PODS]:
        yield DeletePod(object=ref_of(pod), expect=expect_of(pod))


def _crashing(pod: Manifest) -> bool:
    return any(text(s, "state.waiting.reason") in CRASHING for s, _ in container_statuses(pod))


def _restarts(pod: Manifest) -> int:
    return max((number(s, "restartCount") for s, _ in container_statuses(pod)), default=0)


def _controlled(pod: Manifest) -> bool:
    return any(o.get("controller") for o in pod["metadata"].get("ownerReferences") or ())
