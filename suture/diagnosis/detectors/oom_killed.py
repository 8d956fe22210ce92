"""A container killed at its memory limit: either the limit was lowered (undo that), or it is too low by now
(raise it).
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis import quantity
from suture.diagnosis.blame import Blame, blame, undo_plan
from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import is_true, items, mapping
from suture.diagnosis.pods import container_specs
from suture.diagnosis.stuck import stuck_pods
from suture.diagnosis.workload import ROLLING, container_of
from suture.domain.action import Action, AdjustResources
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.plan import Plan, WorkloadHealthy

ORIGIN = "detector:oom_killed"
LIMIT_LOWERED = 0.2
OTHER_CHANGE = -0.1
RAISE_AFTER_LOWERING = 0.4
RAISE_AFTER_CHANGE = 0.5
RAISE = 0.6
NO_LIMIT = 0.3
FACTOR = 2.0
WORTHWHILE = 1.2  # a smaller step would only be killed again
NODE_SHARE = 0.5  # of the largest node's memory, for one container


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.OOM_KILLED)
    if not about:
        return
    names = sorted({s.container for s in about if s.container})
    found = blame(case, about)
    lowered = [t for n in names if (t := _lowered(found, n))] if found else []
    if found is not None:
        how = (
            "whose memory limit was lowered"
            if lowered
            else f"needs more memory since revision {found.current.number}"
        )
        yield case.hypothesis(
            ORIGIN,
            FailureType.OOM_KILLED,
            f"container {', '.join(names)}, {how}, is killed for its memory",
            found.confidence + (LIMIT_LOWERED if lowered else OTHER_CHANGE),
            [*lowered, *found.why],
            undo_plan(case, found),
        )
    confidence = RAISE if found is None else RAISE_AFTER_LOWERING if lowered else RAISE_AFTER_CHANGE
    yield _raise(case, about, names, confidence)


def _lowered(found: Blame, name: str) -> str:
    before, after = (
        mapping(container_specs(r.template).get(name), "resources.limits").get("memory")
        for r in (found.earlier, found.current)
    )
    old, new = quantity.parse(before), quantity.parse(after)
    if new is None or (old is not None and new >= old):
        return ""
    return f"the memory limit of {name} went from {before or 'none'} to {after}"


def _raise(case: Case, about: list[Symptom], names: list[str], confidence: float) -> Hypothesis:
    cause = f"the memory limit of container {', '.join(names)} is too low"
    killed = [f"{s.object.name}: {s.message}" for s in about[:1]]
    steps = [_adjust(case, n) for n in names] if case.target.kind in ROLLING else []
    actions = [a for a in steps if a is not None]
    if not actions or len(actions) < len(names):
        why = [*killed, "there is no limit that could be raised within what nodes and limit ranges allow"]
        return case.hypothesis(ORIGIN, FailureType.OOM_KILLED, cause, NO_LIMIT, why)
    actions += stuck_pods(case.snapshot, case.target)
    plan = Plan(actions=actions, checks=[WorkloadHealthy(object=case.target)])
    return case.hypothesis(ORIGIN, FailureType.OOM_KILLED, cause, confidence, killed, plan)


def _adjust(case: Case, name: str) -> Action | None:
    """Double the limit, at most to what a node or a limit range allows; the request stays as it effectively
    is (without one the API server takes the limit for it).
    """
    resources = mapping(container_of(case.manifest, name), "resources")
    limit_text = mapping(resources, "limits").get("memory")
    limit = quantity.parse(limit_text)
    if not limit or limit <= 0:
        return None
    wanted = min(limit * FACTOR, *_ceilings(case))
    if wanted < limit * WORTHWHILE:
        return None
    requests = {} if "memory" in mapping(resources, "requests") else {"memory": str(limit_text)}
    return AdjustResources(
        object=case.target,
        expect=expect_of(case.manifest),
        container=name,
        requests=requests,
        limits={"memory": quantity.of_bytes(wanted)},
    )


def _ceilings(case: Case) -> list[float]:
    nodes = [
        quantity.parse(mapping(n, "status.allocatable").get("memory")) or 0.0
        for n in case.snapshot.all("Node")
        if is_true(n, "Ready")
    ]
    maxima = [
        quantity.parse(mapping(limit, "max").get("memory"))
        for r in case.snapshot.all("LimitRange", case.target.namespace)
        for limit in items(r, "spec.limits")
        if limit.get("type") in ("Container", "Pod")
    ]
    largest = max(nodes, default=0.0)
    return [*(m for m in maxima if m), *([largest * NODE_SHARE] if largest else []), 2.0**50]
