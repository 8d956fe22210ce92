"""The governor's part of the story: ask for the turn with each change, wait for it if need be, and give it back."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from suture.domain.action import Action
from suture.domain.diagnosis import Hypothesis
from suture.domain.governor import Admission, AdmissionState, Turn
from suture.domain.incident import Attempt, Phase
from suture.domain.plan import Plan
from workflows import approval, steps, visibility
from workflows.approval import Answer
from workflows.story import Story

NOTED = 10  # the last lines of the timeline in which the same words are not said again
SHORTEST = 0.1  # seconds between two tries


class Withheld(Exception):
    """The change is not made: a person, the alert or the state itself ended the waiting. `answer` None: the plan is stale."""

    def __init__(self, answer: Answer | None) -> None:
        super().__init__(str(answer))
        self.answer = answer


class Edited(Exception):
    """A person approved the plan with changes: it is `attempt.verdict.plan` from now on."""


def of(story: Story, attempt: Attempt, plan: Plan, step: int) -> Turn:
    """The turn that an action of the plan needs."""
    record = story.record
    record.holds_turn = True  # whatever becomes of the answer, from now on something must be given back
    decision = attempt.decision
    return Turn(
        holder=record.workflow_id,
        incident_id=record.incident_id,
        target=record.target,
        severity=record.severity,
        kinds=[a.kind for a in plan.actions],
        objects=[a.object for a in plan.actions],
        plan=f"{len(record.attempts)}/{plan.hash}",
        step=step,
        by_person=decision is not None and decision.choice == "approve",
    )


def of_undo(story: Story, action: Action) -> Turn:
    """Undoing one's own change waits for nothing but the end of a global stop."""
    record = story.record
    return Turn(
        holder=record.workflow_id,
        incident_id=record.incident_id,
        target=record.target,
        severity=record.severity,
        kinds=[action.kind],
        objects=[action.object],
        undo=True,
    )


def refusal(error: ActivityError) -> Admission | None:
    """The governor's answer, when it is what failed the activity."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "NotAdmitted" and cause.details:
        return Admission.model_validate(cause.details[0])
    return None


async def wait(story: Story, attempt: Attempt, plan: Plan, admission: Admission) -> None:
    """Returns when it makes sense to ask again; raises Withheld or Edited when that is not for this plan."""
    record = story.record
    record.pending = attempt
    if admission.state is AdmissionState.ASK:
        await _ask(story, attempt, plan, admission)
    else:
        await _until_called(story, admission, lambda: record.resolved)
    if story.told_to_stop:
        raise _withheld(story, Answer(story.decision.choice if story.decision else "cancel"))
    if record.resolved:
        raise _withheld(story, Answer.RESOLVED)
    if not attempt.receipts and not await still(story, attempt.hypothesis):
        raise _withheld(story, None)
    record.pending = None
    if attempt.verdict and attempt.verdict.plan and attempt.verdict.plan.hash != plan.hash:
        raise Edited


async def wait_to_undo(story: Story, admission: Admission) -> bool:
    """Whether to ask again; False when a person wants the engine's hands off."""
    await _until_called(story, admission, lambda: False)
    return not story.told_to_stop


def begun(story: Story) -> None:
    """The governor let it go on: nothing waits any more."""
    if story.record.phase is Phase.WAITING_FOR_TURN:
        story.record.phase = Phase.RUNNING
        if story.options.search_attributes:
            visibility.index(story.record)


async def _ask(story: Story, attempt: Attempt, plan: Plan, admission: Admission) -> None:
    """The same question as a policy's: a person's word lets the plan pass everything but stop, locks and rates."""
    verdict = attempt.verdict
    assert verdict is not None  # noqa: S101 - only decided plans ask for a turn
    reasons = [*admission.reasons, *(r for r in verdict.reasons if r not in admission.reasons)]
    attempt.verdict = verdict.model_copy(update={"needs_person": True, "reasons": reasons, "plan": plan})
    answer = await approval.ask(story, attempt.hypothesis, attempt.verdict, attempt)
    if answer is Answer.AGAIN:
        return  # the governor is asked again
    if answer is not Answer.APPROVE:
        raise _withheld(story, answer)


async def _until_called(story: Story, admission: Admission, over: Callable[[], bool]) -> None:
    """Wait for a call, or for the time to ask again."""
    record = story.record
    stopped = admission.state is AdmissionState.STOPPED
    text = f"{'may not act' if stopped else 'waits for its turn'}: {'; '.join(admission.reasons)}"
    if record.phase is not Phase.WAITING_FOR_TURN and story.options.search_attributes:
        visibility.index(record, waiting_for="turn")
    record.phase = Phase.WAITING_FOR_TURN
    if all(e.text != text for e in record.timeline[-NOTED:]):
        story.note(text)
    await story.wait(
        lambda: story.called or story.told_to_stop or over(),
        max(admission.retry_seconds, SHORTEST),
        text[:100],
    )
    story.called = False


def _withheld(story: Story, answer: Answer | None) -> Withheld:
    begun(story)
    story.record.pending = None
    return Withheld(answer)


async def still(story: Story, approved: Hypothesis) -> bool:
    """Read the state again: is the plan still exactly what would be done?"""
    classification = await steps.classify(story)
    hashes = {h.plan.hash for h in classification.hypotheses if h.plan}
    if approved.plan and approved.plan.hash in hashes:
        return True
    story.note("the state has changed meanwhile: the plan is made anew")
    return False


async def release(story: Story) -> None:
    """Give the turn back. When nobody answers, memorize does it later."""
    if not story.record.holds_turn or not workflow.patched("turn-given-back"):
        return
    try:
        await steps.release(story)
    except ActivityError:
        story.note("the turn could not be given back: it is given back when the incident is remembered")
    else:
        story.record.holds_turn = False
