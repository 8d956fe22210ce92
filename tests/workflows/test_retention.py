"""Old records are forgotten by a schedule of the server, through a real worker and a real database."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.worker import Replayer, Worker

from activities.retention import Retention as Memories
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from suture.ports import Change
from tests.memory.samples import WEB, deployment
from worker.plugin import SuturePlugin
from worker.schedules import keep_retention


def _seen(days_ago: float, image: str) -> Change:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    return Change(
        ref=WEB, manifest=deployment(image=image, version=int(1000 - days_ago)), previous=None, at=at
    )


async def test_the_schedule_forgets_what_the_newest_setting_says(temporal: Client, tmp_path: Path) -> None:
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/memory.db") as memory:
        ledger = SqlLedger(memory.database, "test")
        await ledger.record([_seen(90 - n, f"shop/web:{n}") for n in range(40)])  # 90 to 51 days ago
        await memory.put_evidence("i1", "detection", {"seen": "something"})
        queue = f"retention-{uuid.uuid4().hex[:8]}"
        activities = [Memories((memory, ledger, object())).prune]
        async with Worker(temporal, task_queue=queue, activities=activities, plugins=[SuturePlugin()]):
            name = await keep_retention(temporal, queue, days=365, task_queue=queue)
            assert await _runs(temporal, name) == 0
            assert await keep_retention(temporal, queue, days=60, task_queue=queue) == name
            # 30 are older than 60 days; the newest revisions of what is there stay
            assert await _runs(temporal, name) == 28
            assert await _runs(temporal, name) == 0
        assert len(await ledger.history(WEB)) == 12
        await temporal.get_schedule_handle(name).delete()


async def _runs(temporal: Client, name: str) -> int:
    """Start the schedule's workflow now; how many rows it deleted. Its history replays."""
    schedule = temporal.get_schedule_handle(name)
    before = (await schedule.describe()).info.num_actions
    await schedule.trigger()
    async with asyncio.timeout(20):
        while (await schedule.describe()).info.num_actions == before:
            await asyncio.sleep(0.05)
    started = (await schedule.describe()).info.recent_actions[-1].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    handle = temporal.get_workflow_handle(
        started.workflow_id, run_id=started.first_execution_run_id, result_type=int
    )
    deleted: int = await handle.result()
    await Replayer(workflows=[], plugins=[SuturePlugin()]).replay_workflow(await handle.fetch_history())
    return deleted
