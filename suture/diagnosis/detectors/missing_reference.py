"""Pods that cannot start for want of a ConfigMap, Secret, key, claim or service account.

Either the object was deleted (bring it back), or the newest revision names one that never was (undo that).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suture.diagnosis.blame import blame, undo_plan
from suture.diagnosis.case import Case, missing_references
from suture.diagnosis.references import RESTORABLE, Reference, references
from suture.diagnosis.workload import Revision, revisions, template_changes
from suture.domain.action import RecreateObject
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.plan import Check, Exists, Plan, WorkloadHealthy
from suture.domain.target import ObjectRef

ORIGIN = "detector:missing_reference"
INTRODUCED = 0.15
DELETED, DELETED_OR_INTRODUCED = 0.85, 0.55
NOT_KEPT = 0.4


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.MISSING_REFERENCE)
    if not about:
        return
    lost = missing_references(case.snapshot, case.target, about)
    cause = "it refers to what does not exist: " + ", ".join(map(_tell, lost)) if lost else about[0].message
    undo = _undo(case, about, lost, cause)
    recreate = _recreate(case, about, lost, cause, introduced=undo is not None)
    yield from (h for h in (undo, recreate) if h)
    if not undo and not recreate:
        why = [about[0].message, "no earlier state to go back to is known"]
        yield case.hypothesis(ORIGIN, FailureType.MISSING_REFERENCE, cause, NOT_KEPT, why)


def _tell(reference: Reference) -> str:
    return f"{'key ' + reference.key + ' of ' if reference.key else ''}{reference.kind} {reference.name}"


def _undo(case: Case, about: Sequence[Symptom], lost: Sequence[Reference], cause: str) -> Hypothesis | None:
    """Only when an earlier revision did without everything that is missing."""
    if not lost:
        return None
    current = next((r for r in revisions(case.snapshot, case.target) if r.current), None)
    free = [r for r in revisions(case.snapshot, case.target) if not references(r.template) & set(lost)]
    if current is None or current in free:
        return None
    found = blame(case, about, lambda changes: _leads_to(free, current, changes))
    if found is None:
        return None
    why = [about[0].message, *found.why, f"revision {found.earlier.number} did not refer to it"]
    plan = undo_plan(case, found)
    return case.hypothesis(
        ORIGIN, FailureType.MISSING_REFERENCE, cause, found.confidence + INTRODUCED, why, plan
    )


def _leads_to(free: Sequence[Revision], current: Revision, changes: object) -> bool:
    return any(template_changes(r.template, current.template) == changes for r in free)


def _recreate(
    case: Case, about: Sequence[Symptom], lost: Sequence[Reference], cause: str, introduced: bool
) -> Hypothesis | None:
    refs = absent(case, lost)
    if not refs or any(r not in case.revisions or r.kind not in RESTORABLE for r in refs):
        return None
    if any(case.snapshot.get(r.kind, case.target.namespace, r.name) is not None for r in lost):
        return None  # a key is missing, too: bringing back objects alone does not mend that
    checks: list[Check] = [Exists(object=r) for r in refs]
    plan = Plan(
        actions=[RecreateObject(object=r, revision=case.revisions[r]) for r in refs],
        checks=[*checks, WorkloadHealthy(object=case.target)],
    )
    why = [about[0].message, *(f"{r} existed before: its revision {case.revisions[r]} is kept" for r in refs)]
    confidence = DELETED_OR_INTRODUCED if introduced else DELETED
    return case.hypothesis(ORIGIN, FailureType.MISSING_REFERENCE, f"{cause} (deleted)", confidence, why, plan)


def absent(case: Case, lost: Sequence[Reference]) -> list[ObjectRef]:
    """The objects that are not there at all, each once."""
    refs = {
        r.ref(case.target.namespace)
        for r in lost
        if case.snapshot.get(r.kind, case.target.namespace, r.name) is None
    }
    return sorted((r for r in refs if r is not None), key=str)
