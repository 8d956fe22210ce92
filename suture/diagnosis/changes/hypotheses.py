"""Suspects as hypotheses: the same change on many objects is one, and what was damaged by the same hand at the same
moment is mended together.

A burst is a chain of changes by one author, no more than a minute apart. Others of the burst join a plan only when they
are damage that can be seen by itself; an innocent change of the same deployment stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from suture.diagnosis.case import Case
from suture.diagnosis.changes.damage import damaged
from suture.diagnosis.changes.narrowing import allowed
from suture.diagnosis.changes.plans import plan_for
from suture.diagnosis.changes.suspects import Suspect, Trouble, suspects
from suture.diagnosis.fields import earliest
from suture.diagnosis.graph import Reach
from suture.diagnosis.symptoms import symptoms
from suture.diagnosis.workload import WORKLOADS
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom

ORIGIN = "ledger"
TOGETHER_ORIGIN = "ledger:together"
LEAST = 0.2
MOST_OFFERED = 8
SAME_BURST = 60.0
MOST_TOGETHER = 16
SURE_ENOUGH_TO_ACT_BLIND = 0.5


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    """Each suspected change, or group of changes, with the plan that reverts it."""
    trouble = trouble_of(case)
    if trouble is None or not case.past.states:
        return
    found = [s for s in suspects(case.snapshot, case.past, case.scope, trouble) if s.confidence >= LEAST]
    groups = list(alike(found))[:MOST_OFFERED]
    for group in groups:
        made = _hypothesis(case, group)
        if made is not None:
            yield made
    if groups:
        together = _with_the_rest(case, trouble, groups[0], found)
        made = _hypothesis(case, together, TOGETHER_ORIGIN) if len(together) > len(groups[0]) else None
        if made is not None:
            yield made


def trouble_of(case: Case) -> Trouble | None:
    """What is to be explained; None when nothing is wrong."""
    if not case.symptoms:
        return None
    failures = tuple(dict.fromkeys(s.failure_type for s in case.symptoms))
    at = began(case.symptoms, case.reported_at, case.now)
    others = tuple(dict.fromkeys(s.owner for s in case.symptoms if s.owner != case.target))
    return Trouble(case.target, failures, at, allowed(case.symptoms), others)


def began(symptoms: Iterable[Symptom], reported_at: datetime | None, now: datetime) -> datetime:
    """When the trouble began, as far as symptoms and alerts tell."""
    return earliest(reported_at, *(s.since for s in symptoms)) or now


def alike(found: Sequence[Suspect]) -> Iterator[list[Suspect]]:
    """The same change of several objects of one kind, in one burst, is one cause (all nodes cordoned, say)."""
    left = list(found)
    while left:
        first = left.pop(0)
        group = [first]
        for other in list(left):
            if (
                other.ref.kind == first.ref.kind == "Node"
                and other.ref != first.ref
                and _same_change(first, other)
            ):
                group.append(other)
                left.remove(other)
        yield group[:MOST_TOGETHER]


def _same_change(a: Suspect, b: Suspect) -> bool:
    return _same_hand(a, b) and [(c.path, c.after) for c in a.undo] == [(c.path, c.after) for c in b.undo]


def _with_the_rest(
    case: Case, trouble: Trouble, first: Sequence[Suspect], found: Sequence[Suspect]
) -> list[Suspect]:
    """The suspect with everything that the same burst visibly damaged besides, in the target's surroundings or not."""
    wide = {**{r: s for s in first for r in [s.ref]}}
    for other in [*found, *_elsewhere(case, trouble)]:
        near = any(_same_hand(other, s) for s in wide.values())
        if other.ref in wide or not near or _speaks_for_itself(case, other):
            continue
        if damaged(case.snapshot, case.past, other, case.now):
            wide[other.ref] = other
    return list(wide.values())[:MOST_TOGETHER]


def _speaks_for_itself(case: Case, other: Suspect) -> bool:
    """A workload whose trouble shows has an incident of its own: two that change it would get in each other's way."""
    if other.ref.kind not in WORKLOADS or other.ref == case.target:
        return False
    return bool(symptoms(case.snapshot, other.ref, case.now))


def _same_hand(a: Suspect, b: Suspect) -> bool:
    """One author, or one unknown (nobody signs a deletion), within a burst."""
    author = a.manager == b.manager or not (a.manager and b.manager)
    return author and abs((a.at - b.at).total_seconds()) <= SAME_BURST


def _elsewhere(case: Case, trouble: Trouble) -> Iterator[Suspect]:
    """Changes of the namespace that do not concern the target."""
    far = {
        ref: Reach(4, (), f"{ref} is in the same namespace")
        for ref in case.past.states
        if ref.namespace == case.target.namespace and ref.namespace and ref not in case.scope
    }
    far |= {r: case.scope[r] for r in case.scope if r in case.past.states and r.namespace}
    kinds = (*trouble.failures, FailureType.TRAFFIC, FailureType.CRASH_LOOP, FailureType.IMAGE_PULL)
    wide = replace(trouble, failures=kinds, allowed=None)
    later = [s for s in suspects(case.snapshot, case.past, far, wide) if s.ref.kind != "Namespace"]
    yield from later


def _hypothesis(case: Case, group: Sequence[Suspect], origin: str = ORIGIN) -> Hypothesis | None:
    best = max(group, key=lambda s: s.confidence)
    plan = plan_for(case.snapshot, case.target, group, {s.owner for s in case.symptoms})
    confidence = best.confidence
    blind = best.failure is FailureType.TRAFFIC and not case.defects
    if plan is None or (blind and confidence < SURE_ENOUGH_TO_ACT_BLIND):
        if origin == TOGETHER_ORIGIN:
            return None
        plan, confidence = None, min(confidence, 0.45)
    return case.hypothesis(origin, best.failure, _cause(group), confidence, _why(group), plan)


def _cause(group: Sequence[Suspect]) -> str:
    first, rest = group[0], len(group) - 1
    what = f"{first.why[0]}"
    if not rest:
        return what
    same = all(s.ref.kind == first.ref.kind and s.undo and _same_change(first, s) for s in group[1:])
    names = ", ".join(str(s.ref) for s in group[1:4])
    return f"{what}; {'so were' if same else 'so was damaged at the same time:'} {names}" + (
        f" and {rest - 3} more" if rest > 3 else ""
    )


def _why(group: Sequence[Suspect]) -> list[str]:
    return [*group[0].why, *(s.why[0] for s in group[1:6])]
