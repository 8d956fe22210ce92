"""Is there a problem at all, by now? What is visibly healthy stays untouched, whatever an alert says.

The answers: HEALTHY (the alert resolves itself), SETTLING (look again), UNHEALTHY (go on to classify), GONE
(nothing is there any more, and nothing misses it) and UNSURE (the alert says what pods cannot refute, and
nothing supports it: a person should look).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from suture.diagnosis.changes.history import Past
from suture.diagnosis.claims import external, unseen
from suture.diagnosis.fields import number
from suture.diagnosis.grace import RECHECK_LEAST, RECHECK_MOST, remaining
from suture.diagnosis.health import healthy
from suture.diagnosis.symptoms import symptoms
from suture.diagnosis.unseen import WAIT, evidence
from suture.diagnosis.witness import TELLING, contradicted, telling
from suture.diagnosis.workload import ROLLING
from suture.domain.diagnosis import Detection, FailureType, Health, Symptom
from suture.domain.report import Report
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef, Target

# How long an object may be less than healthy without any symptom that says why.
PATIENCE: Final = 60.0
SYNC: Final = 20.0  # controllers of autoscalers look every 15 s
ROLLOUT_PATIENCE: Final = 600.0  # the API's default progress deadline, for kinds that have none


def detect(
    snapshot: Snapshot,
    target: Target,
    reports: Sequence[Report],
    now: datetime,
    first_seen: datetime,
    past: Past | None = None,
) -> Detection:
    """Settle what the target's state is. `first_seen` is when the incident began; `past` what the ledger
    knows (None: nothing is known of the past, and only what is visible counts).
    """
    ref = target.ref
    manifest = snapshot.find(ref)
    found = symptoms(snapshot, ref, now, reports)
    if manifest is None and not found:
        return _answer(Health.GONE, f"{ref} does not exist and nothing refers to it", now)
    if found:
        return _with_symptoms(found, now, first_seen)
    if unsaid := _not_yet_told(snapshot, reports, past, now):
        return unsaid
    said = [r for r in unseen(reports) if not contradicted(snapshot, r)]
    if said and past is not None and _may_hide(snapshot, ref):
        return _unseen(snapshot, ref, said, past, now, first_seen)
    return _without_symptoms(snapshot, ref, manifest or {}, now, first_seen)


def _not_yet_told(
    snapshot: Snapshot, reports: Sequence[Report], past: Past | None, now: datetime
) -> Detection | None:
    """An autoscaler, a budget or a quota was changed a moment ago: its controller looks at it only now and then."""
    for report in external(reports):
        manifest = telling(snapshot, report)
        states = past.states.get(ref_of(manifest), ()) if past and manifest else ()
        left = SYNC - (now - states[-1].at).total_seconds() if len(states) > 1 else 0.0
        if left > 0:
            what = f"{states[-1].ref} was changed {SYNC - left:.0f} s ago; its status may not tell yet"
            return _answer(Health.SETTLING, what, now, recheck=min(2.0, left))
    return None


def _may_hide(snapshot: Snapshot, ref: ObjectRef) -> bool:
    """Whether something may be wrong with the object that its state does not show."""
    return ref.kind not in TELLING and (healthy(snapshot, ref).ok or ref.kind not in ROLLING)


def _unseen(
    snapshot: Snapshot,
    ref: ObjectRef,
    reports: Sequence[Report],
    past: Past,
    now: datetime,
    first_seen: datetime,
) -> Detection:
    """The pods are well, but the alert is about something else."""
    found = evidence(snapshot, ref, reports, past, now)
    if found:
        return _answer(Health.UNHEALTHY, tell(found), now, found)
    said = unseen(reports)[0]
    waited = (now - (said.received_at or first_seen)).total_seconds()
    what = f"{ref} looks well, but {said.reason} says what pods cannot show"
    if waited < WAIT:
        return _answer(Health.SETTLING, f"{what}; looking for what changed", now, recheck=2.0)
    return _answer(Health.UNSURE, f"{what}, and neither a change nor a broken dependency explains it", now)


def _answer(
    health: Health, summary: str, now: datetime, found: Iterable[Symptom] = (), recheck: float = 0.0
) -> Detection:
    seconds = min(max(recheck, RECHECK_LEAST), RECHECK_MOST) if health is Health.SETTLING else 0.0
    return Detection(
        health=health, summary=summary, symptoms=list(found), recheck_seconds=seconds, observed_at=now
    )


def _with_symptoms(found: list[Symptom], now: datetime, first_seen: datetime) -> Detection:
    left = {id(s): remaining(s, now, first_seen) for s in found}
    found.sort(key=lambda s: left[id(s)] > 0)  # definite trouble first; the order is kept otherwise
    wait = min(left.values())
    if wait <= 0:
        return _answer(Health.UNHEALTHY, tell(found), now, found)
    return _answer(Health.SETTLING, f"{tell(found)}; it may heal itself", now, found, wait)


def _without_symptoms(
    snapshot: Snapshot, ref: ObjectRef, manifest: Manifest, now: datetime, first_seen: datetime
) -> Detection:
    state = healthy(snapshot, ref)
    if state.ok:
        return _answer(Health.HEALTHY, state.text, now)
    patience = PATIENCE
    if ref.kind in ROLLING:
        patience += number(manifest, "spec.progressDeadlineSeconds", int(ROLLOUT_PATIENCE))
    left = patience - (now - first_seen).total_seconds()
    if left > 0:
        return _answer(Health.SETTLING, f"{state.text}; nothing else is wrong", now, recheck=min(5.0, left))
    lasting = Symptom(
        failure_type=FailureType.NOT_READY,
        object=ref,
        owner=ref,
        reason="NotHealthy",
        message=state.text,
        since=first_seen,
    )
    return _answer(Health.UNHEALTHY, tell([lasting]), now, [lasting])


def tell(found: Sequence[Symptom]) -> str:
    """One line about a list of symptoms.

    >>> ref = ObjectRef(kind="Pod", namespace="shop", name="web-1")
    >>> tell([Symptom(failure_type=FailureType.CRASH_LOOP, object=ref, owner=ref, message="exit code 1")])
    'Pod/shop/web-1: crash loop (exit code 1)'
    """
    first = found[0]
    kinds = dict.fromkeys(s.failure_type.replace("_", " ") for s in found)
    objects = {s.object for s in found}
    where = f" on {len(objects)} objects" if len(objects) > 1 else ""
    return f"{first.owner}: {', '.join(kinds)}{where} ({first.message or first.reason})"[:500]
