"""Is an object as it should be right now? One rule per kind, the same for detect, verify and the watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from suture.diagnosis.fields import condition, desired, is_true, number, text
from suture.diagnosis.pods import is_deleting, is_ready
from suture.diagnosis.selectors import selected_by_service
from suture.domain.snapshot import Manifest, Snapshot, dig
from suture.domain.target import ObjectRef


@dataclass(frozen=True)
class CheckResult:
    """Whether something holds, and what was seen."""

    ok: bool
    text: str


def healthy(snapshot: Snapshot, ref: ObjectRef) -> CheckResult:
    """Every wanted replica is updated, ready and available; nodes are ready; claims bound; other kinds
    exist.
    """
    manifest = snapshot.find(ref)
    if manifest is None:
        return CheckResult(False, f"{ref} does not exist")
    if text(manifest, "metadata.deletionTimestamp") and ref.kind != "Pod":
        return CheckResult(False, f"{ref} is being deleted")
    ok, seen = _RULES.get(ref.kind, _exists)(snapshot, manifest)
    return CheckResult(ok, f"{ref}: {seen}")


Judgement = tuple[bool, str]


def _exists(_: Snapshot, __: Manifest) -> Judgement:
    return True, "exists"


def _observed(manifest: Manifest) -> bool:
    """The controller has seen the newest spec; until then its status speaks of an older one."""
    return number(manifest, "status.observedGeneration") >= number(manifest, "metadata.generation")


def _deployment(_: Snapshot, manifest: Manifest) -> Judgement:
    wanted, have = (
        desired(manifest),
        {k: number(manifest, f"status.{k}Replicas") for k in ("updated", "ready", "available")},
    )
    total = number(manifest, "status.replicas")
    seen = f"{wanted} wanted, {total} there, " + ", ".join(f"{n} {k}" for k, n in have.items())
    if not _observed(manifest):
        return False, "its controller has not seen the newest spec yet"
    if dig(manifest, "spec.paused") is True:  # a rollout that a person holds back is not unhealthy
        return min(have["ready"], have["available"]) >= wanted, f"paused, {seen}"
    return total == wanted and all(n == wanted for n in have.values()), seen


def _stateful_set(_: Snapshot, manifest: Manifest) -> Judgement:
    wanted, ready = desired(manifest), number(manifest, "status.readyReplicas")
    available = number(manifest, "status.availableReplicas")
    if not _observed(manifest):
        return False, "its controller has not seen the newest spec yet"
    seen = (
        f"{wanted} wanted, {number(manifest, 'status.replicas')} there, {ready} ready, {available} available"
    )
    if not (number(manifest, "status.replicas") == wanted == ready == available):
        return False, seen
    held = number(manifest, "spec.updateStrategy.rollingUpdate.partition")
    if text(manifest, "spec.updateStrategy.type") == "OnDelete" or held >= wanted:
        return True, seen
    newest = text(manifest, "status.updateRevision")
    updated = number(manifest, "status.updatedReplicas")
    done = text(manifest, "status.currentRevision") == newest or updated >= wanted - held
    return done, f"{seen}, {updated} updated"


def _daemon_set(_: Snapshot, manifest: Manifest) -> Judgement:
    wanted = number(manifest, "status.desiredNumberScheduled")
    updated, ready = number(manifest, "status.updatedNumberScheduled"), number(manifest, "status.numberReady")
    available = number(manifest, "status.numberAvailable")
    if not _observed(manifest):
        return False, "its controller has not seen the newest spec yet"
    by_hand = text(manifest, "spec.updateStrategy.type") == "OnDelete"
    seen = f"{wanted} wanted, {updated} updated, {ready} ready, {available} available"
    return ready == available == wanted and (by_hand or updated == wanted), seen


def _replicas(_: Snapshot, manifest: Manifest) -> Judgement:
    wanted, ready = desired(manifest), number(manifest, "status.readyReplicas")
    return ready >= wanted and _observed(manifest), f"{wanted} wanted, {ready} ready"


def _pod(_: Snapshot, manifest: Manifest) -> Judgement:
    if is_deleting(manifest):
        return False, "is being deleted"
    if text(manifest, "status.phase") == "Succeeded":
        return True, "completed"
    return is_ready(manifest), "ready" if is_ready(manifest) else "not ready"


def _job(_: Snapshot, manifest: Manifest) -> Judgement:
    if is_true(manifest, "Failed"):
        return False, f"failed: {text(condition(manifest, 'Failed'), 'message')}"
    return True, "complete" if is_true(manifest, "Complete") else "running or waiting"


def _cron_job(snapshot: Snapshot, manifest: Manifest) -> Judgement:
    ended = [j for j in snapshot.owned_by(manifest) if is_true(j, "Failed") or is_true(j, "Complete")]
    newest = max(ended, key=lambda j: text(j, "metadata.creationTimestamp"), default=None)
    bad = newest is not None and is_true(newest, "Failed")
    return not bad, "the newest run failed" if bad else "no run failed since the last good one"


def _node(_: Snapshot, manifest: Manifest) -> Judgement:
    ready = is_true(manifest, "Ready")
    return (
        ready,
        "ready" if ready else f"not ready ({text(condition(manifest, 'Ready'), 'reason', 'unknown')})",
    )


def _service(snapshot: Snapshot, manifest: Manifest) -> Judgement:
    if not dig(manifest, "spec.selector") or text(manifest, "spec.type") == "ExternalName":
        return True, "exists, without a selector"
    ready = sum(is_ready(p) for p in selected_by_service(snapshot, manifest))
    return ready > 0, f"selects {ready} ready pods"


def _claim(snapshot: Snapshot, manifest: Manifest) -> Judgement:
    phase = text(manifest, "status.phase")
    storage = snapshot.get("StorageClass", "", text(manifest, "spec.storageClassName") or "-")
    waits = phase == "Pending" and text(storage, "volumeBindingMode") == "WaitForFirstConsumer"
    return phase == "Bound" or waits, phase or "no phase"


_RULES: dict[str, Callable[[Snapshot, Manifest], Judgement]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replicas,
    "ReplicationController": _replicas,
    "Pod": _pod,
    "Job": _job,
    "CronJob": _cron_job,
    "Node": _node,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
}
RULED = frozenset(_RULES)  # kinds of which more can be said than that they exist
