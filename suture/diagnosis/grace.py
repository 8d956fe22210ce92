"""How long a symptom must have lasted before it counts as trouble: one table, with the reason for each
number.

Too short means acting on what heals itself; too long means minutes of outage. Times are in seconds since the
symptom began, as the cluster tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from suture.diagnosis.readers.containers import FLAPS, FRESH_RUN
from suture.domain.diagnosis import FailureType, Symptom

ENOUGH_RESTARTS = 2
RECHECK_LEAST = 1.0
RECHECK_MOST = 10.0
EVICTED_AFTER = 360.0  # pods tolerate an unreachable node for five minutes by default


@dataclass(frozen=True)
class Grace:
    """`restarts` that many crashes end the grace at once (0: they do not matter)."""

    seconds: float
    why: str
    restarts: int = 0


GRACE: dict[FailureType, Grace] = {
    FailureType.IMAGE_PULL: Grace(
        5, "a registry may hiccup; the kubelet's second try comes after about ten seconds"
    ),
    FailureType.CRASH_LOOP: Grace(10, "one crash may be chance, a second one is a loop", ENOUGH_RESTARTS),
    FailureType.OOM_KILLED: Grace(
        10, "one kill may be a peak, a second one is a limit too low", ENOUGH_RESTARTS
    ),
    FailureType.UNSCHEDULABLE: Grace(5, "the scheduler tries again as soon as something is freed"),
    FailureType.NODE_NOT_READY: Grace(
        10, "on top of the 40 s after which the control plane calls a node lost"
    ),
    FailureType.MISSING_REFERENCE: Grace(5, "objects of one deployment arrive in any order"),
    FailureType.FAILED_CREATE: Grace(10, "a webhook or a quota may be unavailable for a moment"),
    FailureType.ROLLOUT_FAILED: Grace(0, "the progress deadline was the grace"),
    FailureType.NOT_READY: Grace(0, "the pod's own start-up time was the grace (readers.readiness)"),
    FailureType.JOB_FAILED: Grace(0, "the job's back-off limit was the grace"),
    FailureType.SCALED_TO_ZERO: Grace(0, "the alert's own `for` was the grace"),
    FailureType.TRAFFIC: Grace(0, "the alert's own `for` was the grace"),
    FailureType.AUTOSCALER: Grace(0, "the alert's own `for` was the grace"),
    FailureType.DISRUPTION_BUDGET: Grace(0, "the alert's own `for` was the grace"),
    FailureType.QUOTA: Grace(0, "the alert's own `for` was the grace"),
    FailureType.SUSPENDED: Grace(0, "the alert's own `for` was the grace"),
    FailureType.STUCK_DELETING: Grace(60, "finalizers are somebody's work, which takes its time"),
    FailureType.MISSING_OBJECT: Grace(5, "an object that is replaced is gone for a moment"),
    FailureType.UNKNOWN: Grace(30, "nothing is known about how such trouble goes on"),
}


def remaining(symptom: Symptom, now: datetime, first_seen: datetime | None = None) -> float:
    """Seconds until the symptom is definite; 0 when it is. `first_seen` stands in where the cluster gives no
    beginning.
    """
    since = symptom.since or first_seen or now
    lasted = max(0.0, (now - since).total_seconds())
    if (
        symptom.reason == "Flapping"
    ):  # runs and is ready: either this run lasts, or the next crash shows itself
        return max(RECHECK_LEAST, FRESH_RUN - lasted)
    if symptom.reason == "Restarted" and symptom.restarts < FLAPS:  # this run may be the good one
        return max(RECHECK_LEAST, FRESH_RUN - lasted)
    if symptom.reason == "NodeLost" and symptom.owner.kind == "StatefulSet":
        return max(0.0, EVICTED_AFTER - lasted)  # only the control plane may tell such a pod to stop
    grace = GRACE[symptom.failure_type]
    if symptom.reason == "InvalidImageName" or (grace.restarts and symptom.restarts >= grace.restarts):
        return 0.0
    return max(0.0, grace.seconds - lasted)
