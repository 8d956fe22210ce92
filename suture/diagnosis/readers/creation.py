"""Controllers that cannot create their pods: quota, Pod Security, admission webhooks, limit ranges, service
accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from suture.diagnosis.fields import condition, desired, items, seconds_between, text, when
from suture.diagnosis.pods import first_event
from suture.diagnosis.refusals import is_over
from suture.diagnosis.view import View
from suture.diagnosis.workload import pod_template, revisions
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, event_time

# Controllers without a ReplicaFailure condition tell by events only, and repeat them while it lasts.
EVENT_LIFETIME = 180.0
_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found', re.I)
CAUSES: Final = (
    ("exceeded quota", "QuotaExceeded"),
    ("violates PodSecurity", "PodSecurityViolation"),
    ("failed calling webhook", "WebhookFailed"),
    ("denied the request", "WebhookDenied"),
    ("usage per Container", "LimitRangeViolation"),
    ("usage per Pod", "LimitRangeViolation"),
    ("no PriorityClass", "PriorityClassNotFound"),
)


def read(view: View) -> Iterator[Symptom]:
    if view.owner.kind in ("Deployment", "ReplicaSet", "ReplicationController"):
        found = _by_condition(view)
    elif view.owner.kind in ("StatefulSet", "DaemonSet", "Job"):
        found = _by_event(view)
    else:
        return
    if found is None:
        return
    message, since = found
    if is_over(view.snapshot, view.owner.namespace, message):
        return  # the controller has not tried again yet
    account = _ACCOUNT.search(message)
    if account is None:
        yield view.symptom(FailureType.FAILED_CREATE, view.manifest, _cause(message), message, since)
    elif view.snapshot.get("ServiceAccount", view.owner.namespace, account[1]) is None:
        # once the account is back the controller's next try succeeds: nothing is wrong any more
        yield view.symptom(
            FailureType.MISSING_REFERENCE, view.manifest, "ServiceAccountNotFound", message, since
        )


def _by_condition(view: View) -> tuple[str, datetime | None] | None:
    for holder in (view.manifest, *_current_replica_set(view)):
        failure = condition(holder, "ReplicaFailure")
        if failure.get("status") == "True" and failure.get("reason") == "FailedCreate":
            return text(failure, "message"), when(failure, "lastTransitionTime")
    return None


def _current_replica_set(view: View) -> list[Manifest]:
    current = next((r for r in revisions(view.snapshot, view.owner) if r.current), None)
    return [
        o for o in view.snapshot.owned_by(view.manifest) if current and pod_template(o) is current.template
    ]


def _by_event(view: View) -> tuple[str, datetime | None] | None:
    events = [e for e in view.snapshot.events_of(view.owner) if text(e, "reason") == "FailedCreate"]
    if not events or not _lacks_pods(view):
        return None
    age = seconds_between(when({"at": event_time(events[-1])}, "at"), view.now)
    if age is None or age > EVENT_LIFETIME:
        return None
    return text(events[-1], "message"), first_event(events, "FailedCreate")


def _lacks_pods(view: View) -> bool:
    if view.owner.kind == "StatefulSet":
        return len(view.pods) < desired(view.manifest)
    if view.owner.kind == "Job":
        return not view.pods and not items(view.manifest, "status.conditions")
    return True  # how many pods a DaemonSet wants is for its controller to say


def _cause(message: str) -> str:
    return next((reason for words, reason in CAUSES if words in message), "FailedCreate")
