"""Pods that cannot start because something they refer to is not there."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import text
from suture.diagnosis.pods import container_statuses, first_event, started
from suture.diagnosis.references import Reference, missing
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, ref_of

_WAITS = ("ContainerCreating", "PodInitializing", "CreateContainerConfigError")


def read(view: View, pod: Manifest) -> Iterator[Symptom]:
    """Waiting containers of a pod with a reference that leads nowhere (checked against the snapshot: what
    the kubelet said may be over by now).
    """
    waiting = [
        (text(s, "name"), text(s, "state.waiting.message"))
        for s, _ in container_statuses(pod)
        if text(s, "state.waiting.reason") in _WAITS
    ]
    if not waiting:
        return
    events = view.snapshot.events_of(ref_of(pod))
    said = [m for _, m in waiting] + [text(e, "message") for e in events]
    for reference in missing(view.snapshot, pod, view.owner.namespace, said):
        if reference.kind == "ServiceAccount":
            continue  # needed to create a pod, not to start one
        about = [m for m in said if reference.name in m and ("not found" in m or "find key" in m)]
        yield view.symptom(
            FailureType.MISSING_REFERENCE,
            pod,
            _reason(reference),
            about[-1] if about else f'{reference.kind} "{reference.name}" not found',
            first_event(events, "FailedMount", reference.name)
            or first_event(events, "Failed", reference.name)
            or started(pod),
            next((name for name, m in waiting if reference.name in m), ""),
        )


def _reason(reference: Reference) -> str:
    return f"{reference.kind}{'KeyNotFound' if reference.key else 'NotFound'}"
