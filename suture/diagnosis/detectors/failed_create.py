"""Pods that may not be created: something in the namespace forbids them. Undone only if the workload itself
changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from suture.diagnosis.blame import Changes, blame, undo_plan
from suture.diagnosis.case import Case
from suture.domain.diagnosis import FailureType, Hypothesis

ORIGIN = "detector:failed_create"
WISH_CHANGED = 0.1
FORBIDDEN = 0.4
_CAUSES: Final = {
    "QuotaExceeded": ("the namespace's resource quota is used up", (".resources",)),
    "LimitRangeViolation": ("its resources are outside the namespace's limit range", (".resources",)),
    "PodSecurityViolation": (
        "Pod Security forbids its pods",
        ("securityContext", "hostNetwork", "hostPID", "hostIPC", "hostPort", "hostPath", "volumes"),
    ),
    "WebhookFailed": ("an admission webhook does not answer", ()),
    "WebhookDenied": ("an admission webhook refuses its pods", ("spec",)),
    "PriorityClassNotFound": ("its priority class does not exist", ("priorityClassName",)),
}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.FAILED_CREATE)
    if not about:
        return
    cause, fields = _CAUSES.get(about[0].reason, ("its pods cannot be created", ("spec",)))

    def fits(changes: Changes) -> bool:
        return any(f in path for f in fields for path in changes)

    found = blame(case, about, fits)
    if found is None:
        yield case.hypothesis(ORIGIN, FailureType.FAILED_CREATE, cause, FORBIDDEN, [about[0].message])
        return
    confidence = found.confidence + WISH_CHANGED
    plan = undo_plan(case, found)
    yield case.hypothesis(
        ORIGIN, FailureType.FAILED_CREATE, cause, confidence, [about[0].message, *found.why], plan
    )
