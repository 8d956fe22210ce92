"""Pods that no node takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from suture.diagnosis.fields import condition, seconds_between, text, when
from suture.diagnosis.references import missing
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, event_time, ref_of

AUTOSCALER_TIME: Final = (
    300.0  # a cluster autoscaler that answered a pending pod needs minutes to bring a node
)


def read(view: View, pod: Manifest) -> Iterator[Symptom]:
    """PodScheduled=False with reason Unschedulable (a scheduling gate is a wish, not a failure)."""
    scheduled = condition(pod, "PodScheduled")
    if (
        scheduled.get("status") != "False"
        or scheduled.get("reason") != "Unschedulable"
        or text(pod, "spec.nodeName")
    ):
        return
    if _node_is_coming(view, pod):
        return
    message, since = text(scheduled, "message"), when(scheduled, "lastTransitionTime")
    claims = [
        r
        for r in missing(view.snapshot, pod, view.owner.namespace, [message])
        if r.kind == "PersistentVolumeClaim" and f'"{r.name}"' in message
    ]
    kind = FailureType.MISSING_REFERENCE if claims else FailureType.UNSCHEDULABLE
    yield view.symptom(
        kind, pod, "PersistentVolumeClaimNotFound" if claims else "Unschedulable", message, since
    )


def _node_is_coming(view: View, pod: Manifest) -> bool:
    asked = [e for e in view.snapshot.events_of(ref_of(pod)) if text(e, "reason") == "TriggeredScaleUp"]
    age = seconds_between(when({"at": event_time(asked[-1])}, "at"), view.now) if asked else None
    return age is not None and age < AUTOSCALER_TIME
