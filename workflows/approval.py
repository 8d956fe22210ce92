"""approve, the human part: ask, wait for days if need be, and take the valid answers of as many people as it needs."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from suture.domain import quorum
from suture.domain.decision import ApprovalNeeds, ApprovalRequest, Decision, Verdict, VerdictKind, Vote
from suture.domain.diagnosis import Hypothesis
from suture.domain.edits import edited
from suture.domain.facts import Facts
from suture.domain.incident import Attempt, Phase
from suture.domain.plan import Plan
from suture.domain.redaction import redact_text
from workflows import escalation, steps, visibility
from workflows.failures import cause_of
from workflows.story import Story

ABOUT_THE_PLAN = ("approve", "reject", "delegate", "comment")


class Answer(StrEnum):
    """What came of the question."""

    APPROVE = "approve"
    REJECT = "reject"
    ESCALATE = "escalate"
    CANCEL = "cancel"
    EXPIRED = "expired"
    RESOLVED = "resolved"  # the alert was resolved while the question stood
    AGAIN = "again"  # it was only asked because of a storm, a freeze or the like: perhaps nobody need be asked any more


JUDGED_AGAIN = timedelta(minutes=5)  # how often such a question is judged again


def objection(story: Story, decision: Decision) -> str | None:
    """Why a decision cannot be taken now; None when it can. The validator of the update, and the signals' own check."""
    record = story.record
    if decision.choice in ("acknowledge", "unacknowledge"):
        return _unacknowledgeable(story, decision)
    if record.outcome is not None:
        closing = record.phase is Phase.ESCALATED and decision.choice in ("cancel", "comment")
        return None if closing else f"the incident has ended as {record.outcome}"
    if decision.choice in ("escalate", "cancel"):
        return None
    if story.decision is not None and decision.choice != "comment":
        return f"{story.decision.by} has already decided: {story.decision.choice}"
    if record.approval is None:  # it stands also while a new history comes back to it
        return f"nothing waits for approval: the incident is in stage {record.stage} ({record.phase})"
    return quorum.objection(record.approval, decision)


def _unacknowledgeable(story: Story, decision: Decision) -> str | None:
    state = story.record.escalation
    if state is None or state.over:
        return "nobody is called about this incident: there is nothing to acknowledge"
    held = state.acknowledged
    if decision.choice == "unacknowledge":
        return None if held else "nobody has acknowledged"
    return f"{held.by} has acknowledged already" if held and held.by == decision.by else None


def take(story: Story, decision: Decision) -> str:
    """Record a valid word; a decision takes effect when the workflow goes on. Returns what was taken, for whoever said it."""
    record, request = story.record, story.record.approval
    decision = decision.model_copy(
        update={
            "at": story.now,
            "reason": redact_text(decision.reason),
            "plan_hash": decision.plan_hash or (request.plan_hash if request else ""),
        }
    )
    if decision.edits:  # counts once guardrails and policies have looked at the edited plan
        story.decision = decision
        story.editing += 1
        _note(story, decision, f"says approve with {', '.join(decision.edits)} changed")
        return "approve taken"
    vote = _vote(story, decision, request)
    record.say(vote)
    if request is not None and decision.choice in ABOUT_THE_PLAN:
        quorum.take(request, vote)
    if decision.choice == "approve" and request is not None and request.missing:
        _note(story, decision, f"says approve ({quorum.missing(request)})")
        return f"approve taken: {quorum.missing(request)}"
    if decision.choice in ("approve", "reject", "escalate", "cancel"):
        story.decision = decision
    _hold(story, decision)
    _note(story, decision, f"names {decision.to} to decide" if decision.to else f"says {decision.choice}")
    return f"{decision.choice} taken"


def _hold(story: Story, decision: Decision) -> None:
    state, ladder = story.record.escalation, story.options.ladder
    if state is None or ladder is None:
        return
    if decision.choice == "acknowledge":
        state.acknowledge(decision.by, story.now, ladder.ack_lasts)
        escalation.hush(story)
    elif decision.choice == "unacknowledge":
        state.resume(story.now)
    else:
        return
    if story.options.search_attributes and workflow.patched("acknowledged-waits-for-nobody"):
        asks = "approver" if story.record.approval else ""
        called = next((t.title for t in reversed(state.told)), asks)
        visibility.index(story.record, asks if state.acknowledged else called)


async def heard(story: Story, decision: Decision) -> str:
    """The update's answer. An approval with edits has its answer when the edited plan was judged; raises why it was refused."""
    answer, number = take(story, decision), story.editing
    if not decision.edits:
        return answer
    await workflow.wait_condition(
        lambda: number in story.judged or story.leaving or story.record.outcome is not None
    )
    taken, words = story.judged.get(number, (True, answer))
    if not taken:
        raise ApplicationError(words, type="Refused", non_retryable=True)
    return words


def _vote(story: Story, decision: Decision, request: ApprovalRequest | None, edits: list[str] = []) -> Vote:  # noqa: B006
    counts = request is not None and decision.choice == "approve"
    story.record.words += 1
    return Vote(
        number=story.record.words,
        asked=request.asked if request else 0,
        seat=(quorum.seat(request, decision.by) or "") if request and counts else "",
        at=decision.at or story.now,
        edits=edits,
        **{name: getattr(decision, name) for name in ("choice", "by", "reason", "plan_hash", "to")},
    )


def _note(story: Story, decision: Decision, words: str) -> None:
    because = f": {decision.reason}" if decision.reason else ""
    said = {"by": decision.by, "choice": decision.choice, "reason": decision.reason}
    story.note(f"{decision.by} {words}{because}", **said)


async def ask(story: Story, hypothesis: Hypothesis, verdict: Verdict, attempt: Attempt) -> Answer:
    """Wait for people. The question survives restarts and continue-as-new; unanswered it expires as a no.

    `attempt.verdict` is the one on the plan as it was edited, if it was.
    """
    record = story.record
    await _pose(story, hypothesis, verdict, attempt)
    record.phase = Phase.WAITING_FOR_APPROVAL
    if story.options.search_attributes:
        visibility.index(record, waiting_for="approver")
    try:
        answer = await _answer(story, hypothesis, attempt)
        if answer is not Answer.AGAIN:  # the question stands, with its votes and whoever is called
            escalation.end(story, f"the question is answered: {answer}")
        return answer
    finally:
        if story.record.phase is Phase.WAITING_FOR_APPROVAL:
            record.phase = Phase.RUNNING


async def _pose(story: Story, hypothesis: Hypothesis, verdict: Verdict, attempt: Attempt) -> None:
    """Put the question, or find it standing from before the history was cut: with its votes, and the plan as it was edited."""
    standing, plan = story.record.approval, verdict.plan
    assert plan is not None  # noqa: S101 - an approved verdict has its plan
    if standing is None or standing.origin != plan.hash:
        _forget(story)
        _question(story, hypothesis.cause, verdict, plan.hash)
        return
    attempt.asked = standing.asked
    if standing.plan_hash != plan.hash:
        edited_by = standing.votes[0].by if standing.votes else ""
        judged, facts = await _judged(story, hypothesis, attempt, standing.plan, edited_by)
        if judged.plan is not None and judged.plan.hash == standing.plan_hash:
            attempt.verdict, attempt.judged = judged, facts
        else:
            _question(story, hypothesis.cause, verdict, plan.hash)


def _forget(story: Story) -> None:
    """What was said about an earlier plan just as the history was cut is not meant for a new one."""
    said = story.decision
    if said is not None and said.choice in ABOUT_THE_PLAN:
        story.decision = None
        story.note(f"{said.choice} by {said.by} has no effect: the plan has changed since")


def _question(story: Story, cause: str, verdict: Verdict, origin: str, edits: list[str] = []) -> None:  # noqa: B006
    """A new question; one about an edited plan stands no longer than the one it came from."""
    record, plan = story.record, verdict.plan
    assert plan is not None  # noqa: S101 - see _pose
    needs = verdict.approval or ApprovalNeeds()
    seconds = needs.expires_seconds or story.options.approval_timeout
    before = record.approval if edits else None
    record.questions += 1
    record.approval = ApprovalRequest(
        plan_hash=plan.hash,
        plan=plan,
        cause=cause,
        reasons=verdict.reasons,
        since=story.now,
        expires_at=before.expires_at if before else story.now + timedelta(seconds=seconds),
        asked=record.questions,
        origin=origin,
        needs=needs,
        comments=before.comments if before else [],
        delegates=before.delegates if before else [],
        edits=[*before.edits, *edits] if before else [],
    )
    people = f"{needs.quorum} people" if needs.quorum > 1 else "a person"
    story.note(f"asks {people}: {plan.describe()} ({'; '.join(verdict.reasons)})", plan=plan.hash)


async def _answer(story: Story, hypothesis: Hypothesis, attempt: Attempt) -> Answer:
    record = story.record
    while True:
        request = record.approval
        assert request is not None  # noqa: S101 - posed by the caller
        assert request.expires_at is not None  # noqa: S101 - every question expires
        attempt.asked = request.asked
        escalation.begin(story, f"q{request.asked}", request.needs.level)
        passes = _passes(attempt, request) and workflow.patched("judged-again")
        answered = await escalation.wait(
            story,
            lambda: story.decision is not None or record.resolved,
            min(request.expires_at, story.now + JUDGED_AGAIN) if passes else request.expires_at,
            f"a person decides about {record.incident_id}",
        )
        if not answered and story.now < request.expires_at and not story.cornered:
            return Answer.AGAIN
        decision = story.decision
        if decision is not None and decision.edits:
            await _judge(story, hypothesis, attempt, decision)
            continue
        story.decision, record.phase, record.approval = None, Phase.RUNNING, None
        if decision is not None:
            attempt.decision = decision
            return Answer(decision.choice)
        if answered:
            story.note("the alert was resolved while the question stood")
            return Answer.RESOLVED
        story.note("nobody answered in time: that counts as no")
        return Answer.EXPIRED


def _passes(attempt: Attempt, request: ApprovalRequest) -> bool:
    """Whether it is asked only for what passes by itself: a storm, a freeze, maintenance, the day's budget."""
    return bool(request.reasons) and set(request.reasons) <= set(attempt.standing.asks)


def drop(story: Story, why: str) -> None:
    """Take the question back."""
    if story.record.approval is not None:
        story.record.approval = None
        _forget(story)
        escalation.end(story, why)


async def _judge(story: Story, hypothesis: Hypothesis, attempt: Attempt, decision: Decision) -> None:
    """Guardrails and policies look at the edited plan: it becomes the question, with the editor's vote, or it is refused."""
    record, request, number = story.record, story.record.approval, story.editing
    assert request is not None  # noqa: S101 - it was edited
    plan = edited(request.plan, decision.edits)
    changes = [redact_text(f"{path} = {value}") for path, value in decision.edits.items()]
    verdict, facts = await _judged(story, hypothesis, attempt, plan, decision.by)
    ok = verdict.kind is not VerdictKind.DENIED and verdict.plan is not None
    if ok:
        _question(story, request.cause, verdict, request.origin, changes)
        attempt.verdict, attempt.judged = verdict, facts
        words = _count(story, decision, plan, changes)
    else:
        words = f"refused with {', '.join(changes)}: {'; '.join(verdict.reasons)}"
        said = decision.model_copy(update={"choice": "comment", "reason": words})
        record.say(_vote(story, said, request, changes))
        story.note(f"the plan that {decision.by} changed is {words}")
    if story.decision is decision:  # nobody said escalate or cancel meanwhile
        final = ok and record.approval is not None and not record.approval.missing
        bound = {"edits": {}, "plan_hash": plan.hash}
        story.decision = decision.model_copy(update=bound) if final else None
    story.judged[number] = (ok, words)


def _count(story: Story, decision: Decision, plan: Plan, changes: list[str]) -> str:
    """Add the editor's own approval to the new question, if it counts; returns what came of it."""
    request = story.record.approval
    assert request is not None  # noqa: S101 - just asked
    if request.plan_hash != plan.hash:
        return "policies narrowed the changed plan further: look at it and decide again"
    if quorum.seat(request, decision.by) is None:
        return f"the changed plan waits for others: {quorum.who(request)}"
    vote = _vote(story, decision.model_copy(update={"plan_hash": plan.hash}), request, changes)
    story.record.say(vote)
    quorum.take(request, vote)
    return "approve taken" + (f": {quorum.missing(request)}" if request.missing else "")


async def _judged(
    story: Story, hypothesis: Hypothesis, attempt: Attempt, plan: Plan, actor: str
) -> tuple[Verdict, Facts]:
    """What is said of an edited plan with its own reach, and from which facts; what cannot be measured is denied."""
    facts = attempt.facts(story.record)
    assert facts is not None  # noqa: S101 - decided before it was asked about
    try:
        reach = await steps.measure(story, plan)
    except ActivityError as e:
        unknown = Verdict(kind=VerdictKind.DENIED, reasons=[f"the state cannot be read: {cause_of(e)}"])
        return unknown, facts
    changed = hypothesis.model_copy(update={"plan": plan})
    found = {"hypothesis": changed, "impact": reach, "at": story.now, "actor": actor}
    facts = facts.model_copy(update=found)
    return await steps.approve(story, facts), facts
