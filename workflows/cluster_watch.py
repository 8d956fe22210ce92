"""The workflow `ClusterWatch`: keeps exactly one watching activity alive; when its worker dies, another takes over."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.watch import Watch, WatchRequest

HEARTBEAT = timedelta(seconds=10)
RUN = timedelta(hours=12)
PAUSE = timedelta(seconds=15)


class ClusterWatchStart(BaseModel):
    """Which cluster is watched."""

    cluster: str


@workflow.defn(name="ClusterWatch")
class ClusterWatch:
    """One activity with a heartbeat; Temporal restarts it elsewhere when the heartbeat stops."""

    @workflow.run
    async def run(self, start: ClusterWatchStart) -> None:
        """Never ends by itself: continues as new each time the activity has run its time."""
        try:
            await _watch(start)
        except ActivityError as e:
            if is_cancelled_exception(e):
                raise
            # a permission that is missing now may be there in a moment: an API server that starts refuses everybody
            workflow.set_current_details(f"the watch failed and starts again: {e.cause}")
            await workflow.sleep(PAUSE, summary="the watch failed and starts again")
        workflow.continue_as_new(start)


async def _watch(start: ClusterWatchStart) -> None:
    await workflow.execute_activity_method(
        Watch.watch,
        WatchRequest(cluster=start.cluster, run_seconds=RUN.total_seconds()),
        start_to_close_timeout=RUN + timedelta(minutes=5),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5)
        ),
        summary=f"watches {start.cluster} and reports trouble",
    )
