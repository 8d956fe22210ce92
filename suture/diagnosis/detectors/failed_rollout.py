"""A new revision whose pods do not become ready, or a rollout past its deadline."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.blame import blame, undo_plan
from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.workload import ROLLING
from suture.domain.action import RestartRollout
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import Plan, WorkloadHealthy

ORIGIN = "detector:failed_rollout"
DEADLINE_PASSED = 0.1
SAME_EVIDENCE = 0.3  # a more exact detector weighs the same facts: this one may only add a little
RESTART_HELPS = 0.2
_EXACT = frozenset(FailureType) - {FailureType.ROLLOUT_FAILED, FailureType.NOT_READY, FailureType.UNKNOWN}


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    late, unready = case.of(FailureType.ROLLOUT_FAILED), case.of(FailureType.NOT_READY)
    about = [*unready, *late]
    if not about:
        return
    exact = any(s.failure_type in _EXACT for s in case.symptoms)
    kind = FailureType.ROLLOUT_FAILED if late else FailureType.NOT_READY
    said = about[0].message or about[0].reason
    found = blame(case, about)
    if found is not None:
        cause = f"pods of revision {found.current.number} do not become ready"
        confidence = found.confidence + (DEADLINE_PASSED if late else 0.0)
        confidence = min(confidence, SAME_EVIDENCE) if exact else confidence
        yield case.hypothesis(ORIGIN, kind, cause, confidence, [said, *found.why], undo_plan(case, found))
    elif exact:
        return
    elif unready and case.target.kind in ROLLING:
        plan = Plan(
            actions=[RestartRollout(object=case.target, expect=expect_of(case.manifest))],
            checks=[WorkloadHealthy(object=case.target)],
        )
        why = [said, "no change of the pod template explains it"]
        yield case.hypothesis(
            ORIGIN, kind, "pods are stuck in a state that new ones might not have", RESTART_HELPS, why, plan
        )
    else:
        yield case.hypothesis(ORIGIN, kind, f"{case.target} does not become ready", SAME_EVIDENCE, [said])
