"""Pods that run (or ought to) and do not become ready in the time that such pods take.

How long is long enough: the time that ready pods of the same owner took, doubled, and what the probes
themselves allow; never less than half a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from suture.diagnosis.fields import condition, items, mapping, number, text, when
from suture.diagnosis.pods import container_statuses, is_ready, ready_after, unready_since
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, ref_of

LEAST = 30.0
NOT_STARTED = 60.0  # volumes are attached and images pulled before the first container runs
MOST = 300.0


def read(view: View, pod: Manifest) -> Iterator[Symptom]:
    since = unready_since(pod)
    if (
        is_ready(pod)
        or since is None
        or not text(pod, "spec.nodeName")
        or text(pod, "status.phase") == "Unknown"
    ):
        return
    last_start = max(
        (t for s, _ in container_statuses(pod) if (t := when(s, "state.running.startedAt"))), default=None
    )
    begin = max(since, last_start) if last_start else since
    if (view.now - begin).total_seconds() < allowance(view, pod, since, last_start):
        return
    reason, message = _why(view, pod)
    yield view.symptom(FailureType.NOT_READY, pod, reason, message, since)


def allowance(view: View, pod: Manifest, since: datetime, last_start: datetime | None) -> float:
    """Seconds that the pod may be unready before that is a symptom."""
    if last_start and (since - last_start).total_seconds() > LEAST:
        return LEAST  # it was ready before: this is no start
    usual = max((t for p in view.pods if (t := ready_after(p)) is not None), default=0.0)
    least = LEAST if last_start else NOT_STARTED
    return min(max(least, 2 * usual, *map(_probe_window, [{}, *items(pod, "spec.containers")])), MOST)


def _probe_window(container: Manifest) -> float:
    startup, readiness = mapping(container, "startupProbe"), mapping(container, "readinessProbe")
    window = 0.0
    if startup:
        window += number(startup, "initialDelaySeconds")
        window += max(1, number(startup, "periodSeconds", 10)) * max(
            1, number(startup, "failureThreshold", 3)
        )
    if readiness:
        window += number(readiness, "initialDelaySeconds")
        window += (
            2
            * max(1, number(readiness, "periodSeconds", 10))
            * max(1, number(readiness, "successThreshold", 1))
        )
    return window


def _why(view: View, pod: Manifest) -> tuple[str, str]:
    """The newest warning about the pod says most; else what its conditions say."""
    warnings = [e for e in view.snapshot.events_of(ref_of(pod)) if text(e, "type") == "Warning"]
    if warnings:
        return text(warnings[-1], "reason", "NotReady"), text(warnings[-1], "message")
    ready = condition(pod, "Ready")
    return text(ready, "reason", "NotReady") or "NotReady", text(ready, "message")
