"""approve, the human part: ask, wait for days if need be, and take the first valid answer."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from suture.domain.decision import ApprovalRequest, Decision, Verdict
from suture.domain.diagnosis import Hypothesis
from suture.domain.incident import Attempt, Phase
from suture.domain.redaction import redact_text
from workflows import visibility
from workflows.story import Story


class Answer(StrEnum):
    """What came of the question."""

    APPROVE = "approve"
    REJECT = "reject"
    ESCALATE = "escalate"
    CANCEL = "cancel"
    EXPIRED = "expired"
    RESOLVED = "resolved"  # the alert was resolved while the question stood


def objection(story: Story, decision: Decision) -> str | None:
    """Why a decision cannot be taken now; None when it can. The validator of the update, and the signals' own check."""
    record = story.record
    if record.outcome is not None:
        return f"the incident has ended as {record.outcome}"
    if decision.choice in ("escalate", "cancel"):
        return None
    if story.decision is not None:
        return f"{story.decision.by} has already decided: {story.decision.choice}"
    if record.phase is not Phase.WAITING_FOR_APPROVAL or record.approval is None:
        return f"nothing waits for approval: the incident is in stage {record.stage} ({record.phase})"
    if decision.plan_hash and decision.plan_hash != record.approval.plan_hash:
        return (
            f"the plan has changed since: it is {record.approval.plan_hash} now; look at it and decide again"
        )
    return None


def take(story: Story, decision: Decision) -> str:
    """Record a valid decision; it takes effect when the workflow goes on."""
    asked = story.record.approval.plan_hash if story.record.approval else ""
    decision = decision.model_copy(
        update={
            "at": story.now,
            "reason": redact_text(decision.reason),
            "plan_hash": decision.plan_hash or asked,
        }
    )
    story.decision = decision
    because = f": {decision.reason}" if decision.reason else ""
    story.note(
        f"{decision.by} says {decision.choice}{because}",
        by=decision.by,
        choice=decision.choice,
        reason=decision.reason,
    )
    return f"{decision.choice} taken"


async def ask(story: Story, hypothesis: Hypothesis, verdict: Verdict, attempt: Attempt) -> Answer:
    """Wait for a person. The question survives restarts and continue-as-new; unanswered it expires as a no."""
    record, plan = story.record, verdict.plan
    assert plan is not None  # noqa: S101 - an approved verdict has its plan
    previous = record.approval
    same = previous is not None and previous.plan_hash == plan.hash
    since = previous.since if previous and same else story.now
    expires = since + timedelta(seconds=story.options.approval_timeout)
    record.approval = ApprovalRequest(
        plan_hash=plan.hash,
        plan=plan,
        cause=hypothesis.cause,
        reasons=verdict.reasons,
        since=since,
        expires_at=expires,
    )
    record.phase = Phase.WAITING_FOR_APPROVAL
    if not same:
        story.note(f"asks a person: {plan.describe()} ({'; '.join(verdict.reasons)})", plan=plan.hash)
    if story.options.search_attributes:
        visibility.index(record, waiting_for="approver")
    try:
        return await _answer(story, attempt, (expires - story.now).total_seconds())
    finally:
        if story.record.phase is Phase.WAITING_FOR_APPROVAL:
            record.phase = Phase.RUNNING


async def _answer(story: Story, attempt: Attempt, seconds: float) -> Answer:
    record = story.record
    answered = await story.wait(
        lambda: story.decision is not None or record.resolved,
        max(0.0, seconds),
        f"a person decides about {record.incident_id}",
    )
    decision, story.decision = story.decision, None
    record.phase, record.approval = Phase.RUNNING, None
    if decision is not None:
        attempt.decision = decision
        return Answer(decision.choice)
    if answered:
        story.note("the alert was resolved while the question stood")
        return Answer.RESOLVED
    story.note("nobody answered in time: that counts as no")
    return Answer.EXPIRED
