"""Did it help? The checks of a plan against a snapshot, and what else broke meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from suture.diagnosis.fields import text
from suture.diagnosis.health import CheckResult, healthy
from suture.domain.diagnosis import Symptom
from suture.domain.plan import Check, Exists, FieldEquals, Plan
from suture.domain.redaction import redact
from suture.domain.snapshot import Snapshot, dig

__all__ = ["CheckResult", "evaluate", "healthy", "regressions"]


def evaluate(snapshot: Snapshot, check: Check, now: datetime) -> CheckResult:
    """Whether one check holds in the snapshot (`now` is for checks that know time)."""
    if isinstance(check, Exists):
        return _exists(snapshot, check)
    if isinstance(check, FieldEquals):
        return _field(snapshot, check)
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
    shown = redact(have, check.path.rpartition(".")[2])
    return CheckResult(same, f"{check.object}: {check.path} is {shown!r}")


def regressions(before: Sequence[Symptom], after: Sequence[Symptom], plan: Plan) -> list[Symptom]:
    """Owners that are in trouble now and were not before, other than those that the plan itself is about:
    whether these are well is for its checks to say.
    """
    about = {a.object for a in plan.actions} | {c.object for c in plan.checks}
    known = {s.owner for s in before}
    return [s for s in after if s.owner not in known and s.owner not in about and s.object not in about]
