"""A plan that may not be carried out (a dry run by policy, or an object that belongs to Git): what it would change."""

from __future__ import annotations

from temporalio.exceptions import ActivityError

from activities.execute import ExecuteRequest
from suture.domain.decision import Mode, Verdict
from suture.domain.incident import Attempt
from suture.domain.stages import Stage
from workflows import steps
from workflows.failures import cause_of
from workflows.story import Story


async def show(story: Story, attempt: Attempt, verdict: Verdict) -> str:
    """Ask the server's dry run about every action; `attempt.proposed` holds the field-by-field differences. Returns what a
    person should be told."""
    plan, record = verdict.plan, story.record
    assert plan is not None  # noqa: S101 - only a verdict with a plan has a mode
    with story.stage(Stage.EXECUTE):
        for number, action in enumerate(plan.actions):
            key = f"{record.workflow_id}/{record.incident_id}/{len(record.attempts)}/{number}/{plan.hash}/preview"
            request = ExecuteRequest(incident_id=record.incident_id, key=key, action=action)
            try:
                receipt = await steps.preview(story, request)
            except ActivityError as e:
                return f"{plan.describe()} would not work: {cause_of(e)}"
            attempt.proposed.append(receipt)
            story.note(f"would {action.describe()}", changes=receipt.changes)
    what = "proposed" if verdict.mode is Mode.PROPOSE else "tried by dry run"
    return f"{what}, not done: {plan.describe()} ({'; '.join(verdict.reasons)})"
