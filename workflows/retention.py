"""The workflow `Retention`: forgets what is older than the setting; a Temporal Schedule starts it once a day."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.retention import Retention as Memories
    from activities.retention import RetentionRequest

PRUNE_TIMEOUT = timedelta(hours=1)
HEARTBEAT = timedelta(seconds=30)


@workflow.defn(name="Retention")
class Retention:
    """One activity; what the database cannot take now is tried again, and what is left over the next day."""

    @workflow.run
    async def run(self, request: RetentionRequest) -> int:
        """Returns how many rows were deleted."""
        return await workflow.execute_activity_method(
            Memories.prune,
            request,
            start_to_close_timeout=PRUNE_TIMEOUT,
            schedule_to_close_timeout=6 * PRUNE_TIMEOUT,
            heartbeat_timeout=HEARTBEAT,
            summary=f"forgets what is older than {request.days:g} days",
        )
