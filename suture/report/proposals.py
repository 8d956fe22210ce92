"""Action items that follow from what was tried and what failed: each with the fact that it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from suture.domain.incident import Attempt, IncidentRecord
from suture.domain.stages import Outcome, Stage

SLOW_DETECTION = 300.0  # seconds from the beginning of the trouble until it was detected
SLOW_APPROVAL = 900.0  # seconds in which L1 should have answered: the second level is called then
MANY_REPORTS = 20

Proposal = tuple[str, str]  # what to do, and because of what


def proposals(record: IncidentRecord) -> list[Proposal]:
    """What the engine would put on the list, most telling first; a person takes it up, changes it or drops it."""
    found = [*_unsolved(record), *_undone(record), *_kept(record), *_refused(record), *_slow(record)]
    return list(dict.fromkeys(found))


def _unsolved(record: IncidentRecord) -> Iterator[Proposal]:
    if record.outcome not in (Outcome.ESCALATED, Outcome.FAILED):
        return
    tried = len(record.attempts)
    if tried:
        yield (
            f"Find the cause of {record.failure_type} at {record.target} and write a playbook for it",
            f"{tried} plan(s) were tried and the incident still ended as {record.outcome}",
        )
    else:
        yield (
            f"Write a playbook for {record.failure_type} at {record.target.kind} objects",
            f"the engine had no plan that fits: {record.summary}",
        )
    for attempt in record.attempts:
        if "undo is incomplete" in attempt.result:
            yield (
                f"Put back by hand what could not be undone at {record.target}",
                f"{_plan(attempt)}: {attempt.result}",
            )


def _undone(record: IncidentRecord) -> Iterator[Proposal]:
    for attempt in record.attempts:
        if attempt.verified is False and attempt.undone and not attempt.overtaken:
            yield (
                f"Find out why this did not help, and lower its rank for such cases: {_plan(attempt)}",
                f"verification failed ({attempt.result}), and it was undone",
            )


def _kept(record: IncidentRecord) -> Iterator[Proposal]:
    """A change that helped lives in the cluster only: its source still holds the fault."""
    for attempt in record.attempts:
        if not attempt.verified:
            continue
        for receipt in attempt.kept:
            fields = ", ".join(list(receipt.changes)[:5])
            if fields:
                yield (
                    f"Make the change lasting where {receipt.action.object} is defined (Git, chart): {fields}",
                    f"{receipt.action.describe()} healed it, and the next rollout would bring the fault back",
                )
        yield (
            f"Catch it earlier: a check or a policy against \u201c{attempt.hypothesis.cause}\u201d before it is rolled out",
            "this was the cause that held: the incident was healed by mending it",
        )


def _refused(record: IncidentRecord) -> Iterator[Proposal]:
    for attempt in record.attempts:
        if attempt.result.startswith("denied"):
            yield (
                f"Decide whether this should have been allowed: {_plan(attempt)}",
                f"policies or guardrails said no: {attempt.result}",
            )
        elif attempt.verified is False and not attempt.receipts and attempt.result and not attempt.overtaken:
            yield (
                f"Mend what kept the engine from carrying out its plan: {_plan(attempt)}",
                attempt.result,
            )


def _slow(record: IncidentRecord) -> Iterator[Proposal]:
    detect = record.timings.seconds_to_detect
    if detect is not None and detect > SLOW_DETECTION:
        yield (
            f"Detect it sooner: an alert or a probe for {record.failure_type} at {record.target}",
            f"it took {detect:.0f} s from the beginning of the trouble until it was detected",
        )
    waited = record.timings.stage_seconds.get(Stage.APPROVE, 0.0)
    if waited > SLOW_APPROVAL:
        yield (
            "Shorten the wait for a person: a policy for plans of this kind, or an approver on call",
            f"{waited:.0f} s were spent waiting for approval",
        )
    if record.report_count > MANY_REPORTS:
        yield (
            "Group or inhibit the alerts of this cause",
            f"{record.report_count} reports came for one cause",
        )


def _plan(attempt: Attempt) -> str:
    plan = attempt.verdict.plan if attempt.verdict and attempt.verdict.plan else attempt.hypothesis.plan
    return plan.describe() if plan else attempt.hypothesis.cause
