"""One cause, many targets: wait until the incident of the cause has healed this target too, instead of acting as well."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from activities.join import Join, JoinRequest
from suture.domain.diagnosis import Health
from suture.domain.incident import Phase
from suture.domain.target import Target
from workflows import steps
from workflows.story import Story

FIRST_LOOK, LAST_LOOK = 2.0, 30.0  # seconds between looks: doubling from the first to the last


async def join(story: Story, cause: Target) -> bool:
    """True when the target became healthy meanwhile; False when the cause's incident has ended without that."""
    record = story.record
    if record.joined == cause.workflow_id:  # the history was cut while it waited
        return await wait(story, cause)
    record.joined = await workflow.execute_activity_method(
        Join.join,
        JoinRequest(cause=cause, affected=record.target, reports=record.reports),
        start_to_close_timeout=timedelta(seconds=15),
        retry_policy=steps.READ,
        summary=f"{cause} troubles others too",
    )
    story.note(f"the cause is shared: waits for the incident of {cause}", joined=record.joined)
    return await wait(story, cause)


async def wait(story: Story, cause: Target) -> bool:
    """Look now and then; a person's word or a resolved alert ends the waiting at once."""
    pause = FIRST_LOOK
    story.record.phase = Phase.JOINED
    try:
        while True:
            told = await story.wait(
                lambda: story.told_to_stop or story.record.resolved, pause, f"{cause} is being healed"
            )
            detection = await steps.detect(story)
            if detection.health is Health.HEALTHY:
                story.note(f"healed together with {cause}")
                return True
            trouble = detection.health in (Health.UNHEALTHY, Health.SETTLING)
            if told or not trouble or not await _is_open(story, cause):
                story.record.joined = ""
                return False
            pause = min(pause * 2, LAST_LOOK)
    finally:
        story.record.phase = Phase.RUNNING


def may_join(story: Story, cause: Target | None) -> bool:
    """Whether there is another incident to wait for; one that ended without helping is not waited for again."""
    record = story.record
    return cause is not None and cause != record.target and record.joined in (None, cause.workflow_id)


async def _is_open(story: Story, cause: Target) -> bool:
    return await workflow.execute_activity_method(
        Join.is_open,
        cause,
        start_to_close_timeout=timedelta(seconds=15),
        retry_policy=steps.READ,
        summary=f"is {cause} still being healed?",
    )
