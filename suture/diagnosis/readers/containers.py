"""Containers that cannot be pulled, that exit, or that are killed for their memory.

A container that crashed and runs again is healthy: only one that waits for its next start, or that came back
moments ago and is not ready, is in trouble.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from suture.diagnosis.fields import earliest, mapping, number, seconds_between, text, when
from suture.diagnosis.pods import container_statuses, first_event, started
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, ref_of

IMAGE_REASONS: Final = frozenset(
    [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    ]
)
CRASH_REASONS: Final = frozenset(
    [
        "CrashLoopBackOff",
        "RunContainerError",
        "CreateContainerError",
        "PostStartHookError",
        "PreStartHookError",
        "StartError",
    ]
)
GOOD_RUN = 600.0  # the kubelet, too, forgets earlier crashes once a container has run for ten minutes
FRESH_RUN = 60.0  # a run shorter than this does not show yet that a crash is over
FLAPS = 3


def read(view: View, pod: Manifest) -> Iterator[Symptom]:
    for status, must_complete in container_statuses(pod):
        waiting = text(status, "state.waiting.reason")
        if waiting in IMAGE_REASONS:
            yield _image(view, pod, status, waiting)
        elif waiting == "CreateContainerConfigError":
            message = text(status, "state.waiting.message")
            yield view.symptom(
                FailureType.NOT_READY, pod, waiting, message, started(pod), text(status, "name")
            )
        elif waiting in CRASH_REASONS:
            yield _crash(view, pod, status, waiting)
        elif _failed(mapping(status, "state.terminated")):
            yield _crash(view, pod, status, text(status, "state.terminated.reason", "Error"))
        elif reason := _restless(view, status, must_complete):
            yield _crash(view, pod, status, reason)


def _image(view: View, pod: Manifest, status: Manifest, reason: str) -> Symptom:
    since = when(status, "lastState.terminated.finishedAt") or started(pod)
    message = text(status, "state.waiting.message") or f"image {text(status, 'image')} cannot be pulled"
    return view.symptom(FailureType.IMAGE_PULL, pod, reason, message, since, text(status, "name"))


def _failed(terminated: Manifest) -> bool:
    return bool(terminated) and number(terminated, "exitCode") != 0


def _restless(view: View, status: Manifest, must_complete: bool) -> str:
    """`Restarted` for a container that came back and is not ready yet, `Flapping` for one that is ready
    again but has crashed so often that this run is too short to believe in; empty for a calm one.
    """
    run = seconds_between(when(status, "state.running.startedAt"), view.now)
    restarts = recent_restarts(status)
    if run is None or not _failed(mapping(status, "lastState.terminated")) or restarts < 1:
        return ""
    if status.get("ready") is True:
        return "Flapping" if restarts >= FLAPS and run < FRESH_RUN else ""
    if must_complete:
        return "Restarted"
    return "Restarted" if run < (GOOD_RUN if restarts >= FLAPS else FRESH_RUN) else ""


def recent_restarts(status: Manifest) -> int:
    """Restarts that belong together: after a long good run the counting starts anew."""
    restarts = number(status, "restartCount")
    last = mapping(status, "lastState.terminated")
    length = seconds_between(when(last, "startedAt"), when(last, "finishedAt"))
    return min(restarts, 1) if length is not None and length >= GOOD_RUN else restarts


def _crash(view: View, pod: Manifest, status: Manifest, reason: str) -> Symptom:
    ended = mapping(status, "state.terminated") or mapping(status, "lastState.terminated")
    oom = text(ended, "reason") == "OOMKilled"
    kind = FailureType.OOM_KILLED if oom else FailureType.CRASH_LOOP
    restarts = recent_restarts(status)
    return view.symptom(
        kind,
        pod,
        reason,
        _tell(status, ended, restarts),
        _began(view, pod, status, ended),
        text(status, "name"),
        restarts,
    )


def _tell(status: Manifest, ended: Manifest, restarts: int) -> str:
    if not ended:
        return text(status, "state.waiting.message")
    said = text(ended, "message").strip()
    code, reason = number(ended, "exitCode"), text(ended, "reason", "unknown")
    how = f"exit code {code} ({reason}), restarted {restarts} times"
    return f"{how}: {said}" if said else how


def _began(view: View, pod: Manifest, status: Manifest, ended: Manifest) -> datetime | None:
    name = text(status, "name")
    events = view.snapshot.events_of(ref_of(pod))
    backed_off = (
        first_event(events, "BackOff", f"failed container {name}") if recent_restarts(status) > 1 else None
    )
    return earliest(backed_off, when(ended, "finishedAt")) or started(pod)
