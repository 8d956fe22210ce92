"""A target that is gone although others still name it: bring it back as it last was."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.case import Case
from suture.diagnosis.referrers import referrers
from suture.domain.action import RecreateObject
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import Exists, Plan, WorkloadHealthy

ORIGIN = "detector:missing_object"
STATEFUL = ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "Namespace", "Node")
NEEDED, NAMED, NOT_KEPT = 0.7, 0.45, 0.4


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.MISSING_OBJECT)
    if not about:
        return
    users = referrers(case.snapshot, case.target)
    cause = f"{case.target} was deleted, but {', '.join(map(str, users[:3])) or 'something'} needs it"
    revision = case.revisions.get(case.target)
    if revision is None or case.target.kind in STATEFUL:
        why = [about[0].message, "no earlier state of it can be brought back safely"]
        yield case.hypothesis(ORIGIN, FailureType.MISSING_OBJECT, cause, NOT_KEPT, why)
        return
    plan = Plan(
        actions=[RecreateObject(object=case.target, revision=revision)],
        checks=[Exists(object=case.target), WorkloadHealthy(object=case.target)],
    )
    # An autoscaler that outlived its workload is a leftover as likely as a loss.
    needed = any(u.kind != "HorizontalPodAutoscaler" for u in users)
    why = [about[0].message, f"its revision {revision} is kept"]
    yield case.hypothesis(ORIGIN, FailureType.MISSING_OBJECT, cause, NEEDED if needed else NAMED, why, plan)
