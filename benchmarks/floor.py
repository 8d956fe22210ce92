"""The floor: a bare Temporal workflow with as many activities as an incident has, which do nothing.

What the engine takes beyond this is its own; what the floor takes is Temporal's.
"""

from __future__ import annotations

import time
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "floor"
WAIT = timedelta(seconds=30)
acted_at: dict[str, float] = {}


@activity.defn(name="floor-read")
async def read(_: str) -> str:
    return "ok"


@activity.defn(name="floor-act")
async def act(incident: str) -> str:
    acted_at[incident] = time.time()
    return "ok"


@workflow.defn(name="Floor")
class Floor:
    """detect, classify, (route, approve: local), execute, verify, memorize."""

    def __init__(self) -> None:
        self.reports = 0

    @workflow.run
    async def run(self, incident: str) -> str:
        for _ in ("detect", "classify"):
            await workflow.execute_activity(read, incident, start_to_close_timeout=WAIT)
        for _ in ("route", "approve"):
            await workflow.execute_local_activity(read, incident, start_to_close_timeout=WAIT)
        await workflow.execute_activity(act, incident, start_to_close_timeout=WAIT)
        for _ in ("verify", "memorize"):
            await workflow.execute_activity(read, incident, start_to_close_timeout=WAIT)
        return "healed"

    @workflow.signal
    def report(self, _: str) -> None:
        self.reports += 1


def worker(client: Client) -> Worker:
    """A worker for the floor only."""
    return Worker(client, task_queue=QUEUE, workflows=[Floor], activities=[read, act])


async def start(client: Client, incident: str) -> object:
    """Signal-with-start, as reports come."""
    return await client.start_workflow(
        Floor.run, incident, id=incident, task_queue=QUEUE, start_signal="report", start_signal_args=["r"]
    )
