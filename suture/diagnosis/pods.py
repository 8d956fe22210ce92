"""What a pod's status says, in one place: ready, being deleted, finished, of which revision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from suture.diagnosis.fields import condition, earliest, is_true, items, labels, text, when
from suture.domain.snapshot import Manifest

HASH_LABELS = ("pod-template-hash", "controller-revision-hash")


def is_ready(pod: Manifest) -> bool:
    return is_true(pod, "Ready") and not is_deleting(pod)


def is_deleting(pod: Manifest) -> bool:
    return bool(text(pod, "metadata.deletionTimestamp"))


def is_finished(pod: Manifest) -> bool:
    """Succeeded or failed for good: evicted, preempted and completed pods stay as leftovers until they are
    collected.
    """
    return text(pod, "status.phase") in ("Succeeded", "Failed")


def is_live(pod: Manifest) -> bool:
    """A pod that still counts for its controller."""
    return not is_deleting(pod) and not is_finished(pod)


def revision_hash(pod: Manifest) -> str:
    """Which revision made the pod: the hash that its controller put into a label."""
    having = labels(pod)
    return next((having[name] for name in HASH_LABELS if name in having), "")


def started(pod: Manifest) -> datetime | None:
    return when(pod, "status.startTime") or when(pod, "metadata.creationTimestamp")


def unready_since(pod: Manifest) -> datetime | None:
    """When it stopped being ready; for one that never was, when it started."""
    not_ready = condition(pod, "Ready")
    return (when(not_ready, "lastTransitionTime") if not_ready else None) or started(pod)


def ready_after(pod: Manifest) -> float | None:
    """How many seconds a ready pod took from its start to being ready (an upper bound, if it was unready in
    between).
    """
    start, ready = started(pod), when(condition(pod, "Ready"), "lastTransitionTime")
    return max(0.0, (ready - start).total_seconds()) if start and ready and is_ready(pod) else None


def container_specs(template: Manifest) -> dict[str, Manifest]:
    """Every container of a pod or a pod template by name, init containers and sidecars included."""
    both = items(template, "spec.initContainers") + items(template, "spec.containers")
    return {text(c, "name"): c for c in both}


def is_sidecar(container: Manifest) -> bool:
    """An init container that keeps running beside the others (restartPolicy Always)."""
    return text(container, "restartPolicy") == "Always"


def container_statuses(pod: Manifest) -> Iterator[tuple[Manifest, bool]]:
    """Each container's status, and whether it must complete (an init container that is no sidecar) rather
    than run.
    """
    specs = container_specs(pod)
    for status in items(pod, "status.initContainerStatuses"):
        yield status, not is_sidecar(specs.get(text(status, "name"), {}))
    for status in items(pod, "status.containerStatuses"):
        yield status, False


def first_event(events: list[Manifest], reason: str, containing: str = "") -> datetime | None:
    """When an event of this reason was first seen."""
    return earliest(
        *(
            when(e, "firstTimestamp") or when(e, "eventTime") or when(e, "metadata.creationTimestamp")
            for e in events
            if text(e, "reason") == reason and containing in text(e, "message")
        )
    )
