"""What happens again and again, kept by Temporal itself: it goes on whichever worker is there."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from activities.retention import RetentionRequest
from suture.settings import TASK_QUEUE
from workflows.retention import Retention

EVERY, JITTER = timedelta(days=1), timedelta(hours=1)


async def keep_retention(client: Client, cluster: str, days: float, task_queue: str = TASK_QUEUE) -> str:
    """Make sure that old records are forgotten once a day, by the newest setting; returns the schedule's id."""
    name = f"retention/{cluster}"
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(
            Retention.run,
            RetentionRequest(days=days),
            id=name,
            task_queue=task_queue,
            static_summary=f"forgets what is older than {days:g} days",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)], jitter=JITTER),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=EVERY),
    )

    def renew(found: ScheduleUpdateInput) -> ScheduleUpdate:
        """Whether somebody has paused it is theirs to say."""
        wanted.state = found.description.schedule.state
        return ScheduleUpdate(schedule=wanted)

    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(renew)
    return name
