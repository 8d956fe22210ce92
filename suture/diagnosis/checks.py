"""Did it help? The checks of a plan against a snapshot, and what else broke meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from suture.diagnosis.fields import text
from suture.diagnosis.health import CheckResult, healthy
from suture.diagnosis.symptoms import symptoms
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.plan import Check, Exists, FieldEquals, Gone, Plan, WorkloadHealthy
from suture.domain.redaction import redact
from suture.domain.snapshot import Snapshot, dig

_COUNTED = re.compile(r"restarted \d+ times|\b\d+[smh]?\b|[a-z0-9]+-[a-z0-9]{5,10}(-[a-z0-9]{5})?\b")
__all__ = ["CheckResult", "cause_gone", "evaluate", "healthy", "regressions"]


def evaluate(snapshot: Snapshot, check: Check, now: datetime) -> CheckResult:
    """Whether one check holds in the snapshot (`now` is for checks that know time)."""
    if isinstance(check, Exists):
        return _exists(snapshot, check)
    if isinstance(check, FieldEquals):
        return _field(snapshot, check)
    if isinstance(check, Gone):
        manifest = snapshot.find(check.object)
        gone = manifest is None or bool(text(manifest, "metadata.deletionTimestamp"))
        return CheckResult(gone, f"{check.object} {'is gone' if gone else 'is there'}")
    return healthy(snapshot, check.object)


def _exists(snapshot: Snapshot, check: Exists) -> CheckResult:
    manifest = snapshot.find(check.object)
    if manifest is None:
        return CheckResult(False, f"{check.object} does not exist")
    if text(manifest, "metadata.deletionTimestamp"):
        return CheckResult(False, f"{check.object} is being deleted")
    return CheckResult(True, f"{check.object} exists")


def _field(snapshot: Snapshot, check: FieldEquals) -> CheckResult:
    manifest = snapshot.find(check.object)
    if manifest is None:
        return CheckResult(False, f"{check.object} does not exist")
    have = dig(manifest, check.path)
    same = have == check.value and isinstance(have, bool) == isinstance(check.value, bool)
    same = same or (not have and not check.value and _empty(have) and _empty(check.value))
    shown = redact(have, check.path.rpartition(".")[2])
    return CheckResult(same, f"{check.object}: {check.path} is {shown!r}")


def _empty(value: object) -> bool:
    """The API drops empty lists and maps: they mean the same as nothing."""
    return value is None or value in ([], {})


def regressions(before: Sequence[Symptom], after: Sequence[Symptom], plan: Plan) -> list[Symptom]:
    """Owners that are in trouble now and were not before, other than those that the plan itself is about:
    whether these are well is for its checks to say.
    """
    about = {a.object for a in plan.actions} | {c.object for c in plan.checks}
    known = {s.owner for s in before}
    return [s for s in after if s.owner not in known and s.owner not in about and s.object not in about]


def cause_gone(snapshot: Snapshot, plan: Plan, symptoms_before: Sequence[Symptom], now: datetime) -> bool:
    """Whether the plan did mend what it was made for although its target is not healthy yet.

    Its own fields are as it wished, at least one of the symptoms of before has gone, and what is wrong now is something
    else: another kind of failure, or another container. A rollback to a revision that is as broken did not help.
    """
    own = [c for c in plan.checks if not isinstance(c, WorkloadHealthy)]
    if not symptoms_before or not all(evaluate(snapshot, c, now).ok for c in own):
        return False
    owners = sorted({s.owner for s in symptoms_before}, key=str)
    left = {_mark(s, bool(own)) for owner in owners for s in symptoms(snapshot, owner, now)}
    return bool(left) and not left & {_mark(s, bool(own)) for s in symptoms_before}


def _mark(symptom: Symptom, by_words: bool) -> tuple[str, str]:
    """A symptom without what changes from one moment to the next.

    Words count only for a plan that checks fields of its own: an earlier revision that fails in its own way is no success.
    """
    exact = by_words and symptom.failure_type is FailureType.CRASH_LOOP
    return symptom.key, _COUNTED.sub("#", symptom.message) if exact else ""
