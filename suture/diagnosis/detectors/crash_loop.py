"""A container that keeps exiting: undo the change that began it, if there was one; a restart seldom helps."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.blame import blame, undo_plan
from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.workload import ROLLING
from suture.domain.action import RestartRollout
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import Plan, WorkloadHealthy

ORIGIN = "detector:crash_loop"
RESTART_HELPS = 0.2
UNEXPLAINED = 0.3


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.CRASH_LOOP)
    if not about:
        return
    names = ", ".join(sorted({s.container for s in about if s.container})) or "?"
    worst = max(about, key=lambda s: s.restarts)
    said = [f"{worst.object.name}: {worst.message}"]
    found = blame(case, about)
    if found is not None:
        cause = f"container {names} crashes since revision {found.current.number}"
        why = [*said, *found.why]
        yield case.hypothesis(
            ORIGIN, FailureType.CRASH_LOOP, cause, found.confidence, why, undo_plan(case, found)
        )
    if case.target.kind in ROLLING and (found is None or found.confidence < UNEXPLAINED):
        plan = Plan(
            actions=[RestartRollout(object=case.target, expect=expect_of(case.manifest))],
            checks=[WorkloadHealthy(object=case.target)],
        )
        cause = f"container {names} crashes over a state that new pods might not have"
        why = [*said, "no change of the pod template explains it"]
        yield case.hypothesis(ORIGIN, FailureType.CRASH_LOOP, cause, RESTART_HELPS, why, plan)
    elif found is None:
        yield case.hypothesis(
            ORIGIN, FailureType.CRASH_LOOP, f"container {names} keeps exiting", UNEXPLAINED, said
        )
