"""execute, verify and undo of one approved plan."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.execute import ExecuteRequest
from activities.verify import Verification
from suture.domain.action import Action, Receipt
from suture.domain.decision import FallbackStep, Method
from suture.domain.incident import Attempt
from suture.domain.plan import Plan
from suture.domain.stages import Stage
from workflows import steps
from workflows.story import Story

UNDO_TIMEOUT = 60.0


class Stale(Exception):
    """The object is no longer as it was when the plan was made."""


async def execute(story: Story, attempt: Attempt, plan: Plan, chain: list[FallbackStep]) -> bool:
    """Carry out every action, each along the fallback chain; True when all are done. What was done is in attempt.receipts."""
    for number, action in enumerate(plan.actions):
        receipt = await _along_chain(story, attempt, action, number, plan, chain)
        if receipt is None:
            return False
        attempt.receipts.append(receipt)
        timings = story.record.timings
        timings.acted_at = timings.acted_at or receipt.done_at or story.now
        story.note(
            f"did {action.describe()}" if receipt.changed else f"nothing to do: {action.describe()}",
            receipt=receipt.key,
        )
    return True


async def _along_chain(
    story: Story, attempt: Attempt, action: Action, number: int, plan: Plan, chain: list[FallbackStep]
) -> Receipt | None:
    """One action; when one way does not finish in time, the next is taken. The key is the same, so nothing happens twice."""
    record = story.record
    key = f"{record.workflow_id}/{record.incident_id}/{len(record.attempts)}/{number}/{plan.hash}"
    for step in chain:
        request = ExecuteRequest(
            incident_id=record.incident_id, key=key, action=action, verdict=attempt.verdict
        )
        try:
            return await steps.execute(story, request, step.timeout_seconds)
        except ActivityError as e:
            attempt.result = cause_of(e)
            story.note(f"could not {action.describe()}: {attempt.result}")
            if _stale(e):
                raise Stale(attempt.result) from e
            if _permanent(e):
                return None
    return None


async def verify(story: Story, attempt: Attempt, plan: Plan, method: Method) -> Verification:
    """Wait for the effect; monitored executions must hold twice as long."""
    stable = story.options.stable_for * (2 if method is Method.EXECUTE_WITH_MONITORING else 1)
    acted = attempt.receipts[-1].done_at or story.now
    handle = steps.verify(story, plan, acted, stable, story.record.elsewhere)
    await workflow.wait_condition(lambda: handle.done() or story.crowded)
    if not handle.done():
        handle.cancel()
        await story.continue_as_new()
    try:
        return await handle
    except ActivityError as e:
        return Verification(healed=False, summary=f"could not be verified: {cause_of(e)}")


async def undo(story: Story, attempt: Attempt) -> bool:
    """Undo what was done, newest first, by the receipts; True when everything is as it was."""
    complete = True
    with story.stage(Stage.EXECUTE):
        for receipt in reversed(attempt.receipts):
            for number, action in enumerate(receipt.undo if receipt.changed else []):
                key = f"{receipt.key}/undo{number}"
                request = ExecuteRequest(
                    incident_id=story.record.incident_id, key=key, action=action, undo=True
                )
                try:
                    attempt.undone.append(await steps.execute(story, request, UNDO_TIMEOUT))
                    story.note(f"undone: {receipt.action.describe()}")
                except ActivityError as e:
                    complete = False
                    story.note(f"could not undo {receipt.action.describe()}: {cause_of(e)}")
    return complete


def cause_of(error: ActivityError) -> str:
    """The error a person can act upon, without Temporal's wrapping."""
    cause = error.cause
    while cause is not None and not isinstance(cause, ApplicationError) and getattr(cause, "cause", None):
        cause = cause.cause  # type: ignore[attr-defined]
    return str(getattr(cause, "message", None) or cause or error)


def _type_of(error: ActivityError) -> str:
    return error.cause.type or "" if isinstance(error.cause, ApplicationError) else ""


def _permanent(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.non_retryable


def _stale(error: ActivityError) -> bool:
    return _type_of(error) in ("PreconditionFailed", "Conflict")
