"""Alerts about what pods cannot show: is there evidence around the target that they are right?

Evidence is a change before the alert that explains it, or a dependency that leads nowhere. Without any the engine does
not know: it says so, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from suture.diagnosis.case import Case
from suture.diagnosis.changes.history import Past
from suture.diagnosis.changes.hypotheses import trouble_of
from suture.diagnosis.changes.suspects import suspects
from suture.diagnosis.claims import failure_of, unseen
from suture.diagnosis.fields import earliest
from suture.domain.diagnosis import Symptom
from suture.domain.report import Report
from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef

PLAUSIBLE = 0.4
WAIT = 20.0  # seconds until the ledger surely knows what happened before the alert


def reported_at(reports: Sequence[Report]) -> datetime | None:
    """When the oldest alert that pods cannot refute began."""
    return earliest(*(r.starts_at or r.received_at for r in unseen(reports)))


def evidence(
    snapshot: Snapshot, ref: ObjectRef, reports: Sequence[Report], past: Past, now: datetime
) -> list[Symptom]:
    """What supports the unseen claims of the reports; empty when nothing does."""
    said = unseen(reports)
    if not said:
        return []
    kind, at = failure_of(said[0]), reported_at(said) or now
    words = said[0].summary or said[0].reason
    claimed = Symptom(
        failure_type=kind, object=ref, owner=ref, reason=said[0].reason, message=words, since=at
    )
    case = Case(snapshot, ref, [claimed], past=past, reported_at=at, now=now)
    trouble = trouble_of(case)
    found = suspects(snapshot, past, case.scope, trouble) if trouble else []
    if found and found[0].confidence >= PLAUSIBLE:
        return [claimed.model_copy(update={"message": f"{words}; {found[0].why[0]}"[:600]})]
    if case.defects:
        return [
            claimed.model_copy(
                update={"message": f"{words}; {case.defects[0]}: {case.defects[0].note}"[:600]}
            )
        ]
    return []
