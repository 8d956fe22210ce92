"""Pods that fit nowhere: the template asks for what no node has, or every node is cordoned."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.blame import Changes, blame, undo_plan
from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.changes.plans import past_repulsion
from suture.diagnosis.fields import is_true
from suture.diagnosis.readers.nodes import is_cordoned
from suture.diagnosis.scheduling import Obstacle, parse, touches
from suture.domain.action import Uncordon
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.plan import FieldEquals, Plan, WorkloadHealthy
from suture.domain.snapshot import Manifest, ref_of

ORIGIN = "detector:unschedulable"
DEMAND_CHANGED = 0.15
FEW, MANY = 6, 32
UNCORDON_FEW, UNCORDON_MANY, UNCORDON_ONE = 0.55, 0.4, 0.45
NOTHING_CHANGED = 0.4


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.UNSCHEDULABLE)
    if not about:
        return
    if case.target.kind == "Node":
        everyone = _all_cordoned(case)
        yield _uncordon(case, everyone or [case.manifest], UNCORDON_FEW if everyone else UNCORDON_ONE)
        return
    obstacles = {o: n for s in about for o, n in parse(s.message).obstacles.items()}

    def fits(changes: Changes) -> bool:
        return any(touches(o, path) for o in obstacles for path in changes)

    told = "no node takes its pods: " + ", ".join(f"{o} ({n} nodes)" for o, n in obstacles.items())
    cordoned = _all_cordoned(case) if Obstacle.CORDONED in obstacles else []
    if cordoned:
        yield _uncordon(case, cordoned, UNCORDON_FEW if len(cordoned) <= FEW else UNCORDON_MANY)
    found = blame(case, about, fits)
    if found is not None:
        why = [about[0].message, *found.why]
        plan = undo_plan(case, found)
        if Obstacle.POD_AFFINITY in obstacles:  # the last pod of its kind keeps the good ones away
            first, *rest = plan.actions
            actions = past_repulsion(case.snapshot, case.target, first)
            plan = plan.model_copy(update={"actions": [*actions, *(a for a in rest if a not in actions)]})
        yield case.hypothesis(
            ORIGIN, FailureType.UNSCHEDULABLE, told, found.confidence + DEMAND_CHANGED, why, plan
        )
    elif not cordoned:
        why = [about[0].message, "no change of the pod template explains it"]
        yield case.hypothesis(ORIGIN, FailureType.UNSCHEDULABLE, told, NOTHING_CHANGED, why)


def _all_cordoned(case: Case) -> list[Manifest]:
    """The ready nodes, if every one of them is cordoned: whoever drains a node on purpose leaves others."""
    ready = [n for n in case.snapshot.all("Node") if is_true(n, "Ready")]
    return ready if ready and all(is_cordoned(n) for n in ready) else []


def _uncordon(case: Case, nodes: list[Manifest], confidence: float) -> Hypothesis:
    refs = sorted(map(ref_of, nodes), key=str)
    cause = f"every ready node is cordoned ({len(_all_cordoned(case))})"
    if len(refs) > MANY:
        why = ["too many nodes to change at once"]
        return case.hypothesis(ORIGIN, FailureType.UNSCHEDULABLE, cause, confidence, why)
    plan = Plan(
        actions=[Uncordon(object=r, expect=expect_of(case.snapshot.find(r))) for r in refs],
        checks=[
            WorkloadHealthy(object=case.target),
            *(_schedulable(n) for n in nodes if case.target.kind == "Node"),
        ],
    )
    why = [case.of(FailureType.UNSCHEDULABLE)[0].message]
    return case.hypothesis(ORIGIN, FailureType.UNSCHEDULABLE, cause, confidence, why, plan)


def _schedulable(node: Manifest) -> FieldEquals:
    return FieldEquals(object=ref_of(node), path="spec.unschedulable", value=None)
