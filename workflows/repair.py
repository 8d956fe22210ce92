"""execute, verify and undo of one approved plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.execute import ExecuteRequest
from activities.verify import Verification
from suture.domain.action import Action, Receipt, Reversibility
from suture.domain.decision import FallbackStep, Method
from suture.domain.incident import Attempt
from suture.domain.plan import Plan
from suture.domain.stages import Stage
from workflows import steps, turn
from workflows.failures import cause_of, permanent, stale
from workflows.story import Story

UNDO_TIMEOUT = 60.0


class Stale(Exception):
    """The object is no longer as it was when the plan was made."""


class Unknown(Exception):
    """An action was begun and never gave an answer: whether it was carried out, nobody knows."""


Ask = Callable[[Attempt], Awaitable[bool]]


async def execute(story: Story, attempt: Attempt, plan: Plan, chain: list[FallbackStep], ask: Ask) -> bool:
    """Carry out every action, each along the fallback chain; True when all are done. What was done is in attempt.receipts.

    `ask` is the chain's last link: whether a person lets it go on after the other ways did not finish in time.
    Raises turn.Withheld and turn.Edited when it has to wait for its turn and something else comes of it.
    """
    for number, action in enumerate(plan.actions):
        if number < len(attempt.receipts):  # done before it had to wait
            continue
        if story.told_to_stop:
            return False
        receipt = await _along_chain(story, attempt, action, number, plan, chain, ask)
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
    story: Story,
    attempt: Attempt,
    action: Action,
    number: int,
    plan: Plan,
    chain: list[FallbackStep],
    ask: Ask,
) -> Receipt | None:
    """One action; when one way does not finish in time, the next is taken. The key is the same, so nothing happens twice."""
    record = story.record
    key = f"{record.workflow_id}/{record.incident_id}/{len(record.attempts)}/{number}/{plan.hash}"
    for step in chain:
        if _asks(step, attempt) and not await ask(attempt):
            done = await _recall(story, key, action)
            attempt.receipts += [done] if done else []
            return None
        request = ExecuteRequest(
            incident_id=record.incident_id,
            key=key,
            action=action,
            verdict=attempt.verdict,
        )
        patience = story.options.unreachable_after if step is chain[-1] else 0.0
        try:
            return await _in_turn(story, attempt, plan, number, request, step.timeout_seconds, patience)
        except turn.Withheld:
            await _remember(story, attempt, key, action)
            raise
        except ActivityError as e:
            attempt.result = cause_of(e)
            story.note(f"could not {action.describe()}: {attempt.result}")
            if stale(e):
                raise Stale(attempt.result) from e
            if permanent(e):
                await _remember(story, attempt, key, action)
                return None
    return await _recall(story, key, action)


async def _remember(story: Story, attempt: Attempt, key: str, action: Action) -> None:
    """A try that died after its change may have been followed by one that was refused: what was done must not be forgotten."""
    if workflow.patched("recall-always") and (done := await _recall(story, key, action)):
        attempt.receipts.append(done)


def _asks(step: FallbackStep, attempt: Attempt) -> bool:
    """Whether this link is a person's who has not been asked, and no policy says to do without."""
    approved = attempt.decision is not None and attempt.decision.choice == "approve"
    covered = attempt.verdict is not None and attempt.verdict.without_person
    return step.method is Method.REQUIRE_APPROVAL and not approved and not covered


async def _in_turn(
    story: Story,
    attempt: Attempt,
    plan: Plan,
    number: int,
    request: ExecuteRequest,
    seconds: float,
    patience: float,
) -> Receipt:
    """Try it, and when the governor holds it back, wait and try again."""
    while True:
        asked = {"turn": turn.of(story, attempt, plan, number), "verdict": attempt.verdict}
        request = request.model_copy(update=asked)
        try:
            receipt = await steps.execute(story, request, seconds, patience)
        except ActivityError as e:
            admission = turn.refusal(e)
            if admission is None:
                raise
            await turn.wait(story, attempt, plan, admission)
        else:
            turn.begun(story)
            return receipt


async def _recall(story: Story, key: str, action: Action) -> Receipt | None:
    """The receipt of an action that gave no answer; None when it was not begun. Raises Unknown when that stays open."""
    try:
        entry = await steps.recall(story, key)
    except ActivityError as e:
        raise Unknown(f"whether it was done to {action.describe()} is unknown: {cause_of(e)}") from e
    if entry is None or entry.error:
        return None
    if entry.done:
        return entry.receipt
    raise Unknown(f"it was begun to {action.describe()}, and nobody knows whether it was done")


async def verify(story: Story, attempt: Attempt, plan: Plan, method: Method) -> Verification | None:
    """Wait for the effect; monitored executions must hold twice as long. None when a person ends the waiting.

    Storms do not cut it short unless the history would overflow: it would never see the checks hold for long enough.
    """
    await story.cut()
    stable = story.options.stable_for * (2 if method is Method.EXECUTE_WITH_MONITORING else 1)
    last = attempt.receipts[-1]
    acted = last.written_at or last.done_at or story.now
    handle = steps.verify(story, plan, acted, stable, story.record.elsewhere)
    await workflow.wait_condition(lambda: handle.done() or story.told_to_stop or story.overflowing)
    if not handle.done():
        handle.cancel()
        if story.told_to_stop:
            return None
        await story.continue_as_new()
    try:
        return await handle
    except ActivityError as e:
        attempt.result = f"could not be verified: {cause_of(e)}"
        if not permanent(e):
            raise  # nobody can see the cluster: no reason to change it again
        return Verification(healed=False, summary=attempt.result)


async def undo(story: Story, attempt: Attempt) -> list[str]:
    """Undo what was done, newest first, by the receipts; returns what is not as it was."""
    left: list[str] = []
    with story.stage(Stage.EXECUTE):
        for receipt in reversed([r for r in attempt.receipts if r.changed]):
            what = receipt.action.describe()
            if not receipt.undo and receipt.action.reversibility is Reversibility.UNDO:
                story.note(f"could not undo {what}: {receipt.note or 'there is nothing to undo it with'}")
                left.append(what)
            for number, action in enumerate(receipt.undo):
                key = f"{receipt.key}/undo{number}"
                if any(r.key == key for r in attempt.undone):  # before the history was cut
                    continue
                try:
                    attempt.undone.append(await _undo(story, key, action))
                    story.note(f"undone: {what}")
                except ActivityError as e:
                    left.append(what)
                    story.note(f"could not undo {what}: {cause_of(e)}")
    return left


async def _undo(story: Story, key: str, action: Action) -> Receipt:
    """One inverse. A global stop holds it back too: it waits for its end, or for a person who wants no more of it."""
    request = ExecuteRequest(
        incident_id=story.record.incident_id,
        key=key,
        action=action,
        undo=True,
        turn=turn.of_undo(story, action),
    )
    while True:
        try:
            receipt = await steps.execute(story, request, UNDO_TIMEOUT, story.options.unreachable_after)
        except ActivityError as e:
            admission = turn.refusal(e)
            if admission is None or not await turn.wait_to_undo(story, admission):
                raise
        else:
            turn.begun(story)
            return receipt
