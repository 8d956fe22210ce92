"""What happens again and again, kept by Temporal itself: it goes on whichever worker is there."""

from __future__ import annotations

from contextlib import suppress
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
from temporalio.service import RPCError

from activities.retention import RetentionRequest
from suture.settings import TASK_QUEUE
from workflows.anomaly_scan import AnomalyScan
from workflows.retention import Retention

EVERY, JITTER = timedelta(days=1), timedelta(hours=1)
CATCH_UP = timedelta(seconds=10)  # the shortest that the server takes


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
    return await _keep(client, name, wanted)


async def keep_scan(client: Client, cluster: str, every: float | None, task_queue: str = TASK_QUEUE) -> str:
    """Make sure that metrics are looked at every so many seconds, or no more (None); returns the schedule's id."""
    name = f"anomaly-scan/{cluster}"
    if every is None:
        with suppress(RPCError):  # most often there is none
            await client.get_schedule_handle(name).delete()
        return name
    pause = timedelta(seconds=every)
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(
            AnomalyScan.run,
            id=name,
            task_queue=task_queue,
            static_summary="looks for what is strange or soon full in the metrics",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=pause)], jitter=pause / 10),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=max(pause, CATCH_UP)),
    )
    return await _keep(client, name, wanted)


async def _keep(client: Client, name: str, wanted: Schedule) -> str:
    """Create the schedule, or bring the one that is there to this state."""

    def renew(found: ScheduleUpdateInput) -> ScheduleUpdate:
        """Whether somebody has paused it is theirs to say."""
        wanted.state = found.description.schedule.state
        return ScheduleUpdate(schedule=wanted)

    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(renew)
    return name
