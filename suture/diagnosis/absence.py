"""What is wrong only because somebody misses it: objects that others name, workloads at zero that an alert
says are down.

Zero replicas are a wish like any other number, and so is deleting an object; what makes them trouble is a
witness.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from suture.diagnosis.fields import desired, number
from suture.diagnosis.referrers import autoscaler_of, referrers
from suture.diagnosis.workload import SCALABLE
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.report import Report, ReportStatus
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef

OWN_EYES: Final = ("watch", "kubernetes", "cluster")  # sources that see only what the snapshot shows anyway
_DOWN = re.compile(
    r"\b(down|absent|unavailable|unreachable|offline|gone|zero|outage"
    r"|no (?:\w+ )?(?:pods?|replicas?|targets?|endpoints?|instances?))\b"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def missing_object(snapshot: Snapshot, ref: ObjectRef) -> Iterator[Symptom]:
    """An object that does not exist although others refer to it by name."""
    missed_by = referrers(snapshot, ref)
    if missed_by:
        message = f"{ref} does not exist, but is referred to by " + ", ".join(map(str, missed_by[:3]))
        yield Symptom(
            failure_type=FailureType.MISSING_OBJECT, object=ref, owner=ref, reason="NotFound", message=message
        )


def scaled_to_zero(
    snapshot: Snapshot, ref: ObjectRef, manifest: Manifest, reports: Sequence[Report], now: datetime
) -> Iterator[Symptom]:
    """Zero replicas wanted, and a firing report that either names the workload or agrees with its
    autoscaler.
    """
    saying = [r for r in reports if says_down(r)]
    if not saying or ref.kind not in SCALABLE or desired(manifest) != 0:
        return
    scaler = autoscaler_of(snapshot, ref)
    floor = number(scaler, "spec.minReplicas", 1) if scaler else 0
    if floor < 1 and not any(_names(r, ref) for r in saying):
        return
    message = f"spec.replicas is 0, and {saying[0].reason} says that it is down"
    if floor:
        message += f"; its autoscaler wants at least {floor}"
    yield Symptom(
        failure_type=FailureType.SCALED_TO_ZERO,
        object=ref,
        owner=ref,
        reason="ScaledToZero",
        message=message,
        since=saying[0].starts_at or now,
    )


def says_down(report: Report) -> bool:
    """Whether a firing report from outside the cluster says that something is down or absent altogether."""
    if report.status is not ReportStatus.FIRING or report.source.lower().startswith(OWN_EYES):
        return False
    said = " ".join((report.reason, report.labels.get("alertname", ""), report.summary))
    return bool(_DOWN.search(words(said)))


def words(said: str) -> str:
    """A name or a sentence as plain words.

    >>> words("KubePodNotReady"), words("non-ready")
    ('kube pod not ready', 'non ready')
    """
    return _CAMEL.sub(" ", said).lower().replace("-", " ").replace("_", " ")


def _names(report: Report, ref: ObjectRef) -> bool:
    return report.target.ref == ref or ref.name in report.labels.values()
