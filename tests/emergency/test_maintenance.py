"""Maintenance mode on a real Temporal server with the real governor: on, off, by the clock, restart-proof, recorded."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from lab.temporal import TemporalDevServer
from suture.domain.emergency import MaintenanceStatus
from suture.domain.visibility import SearchAttribute
from tests.emergency.engines import opened, refused, running, until
from worker.connect import connect

pytestmark = pytest.mark.temporal


def on(state: MaintenanceStatus) -> bool:
    return state.phase == "on"


async def test_on_and_off_by_people(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path, "maintenance") as engine:
        handle = await engine.begin("MaintenanceMode", reason="new disks, password=hunter2")
        await until(handle, MaintenanceStatus, on)
        stands = await engine.standing()
        assert "by ann" in stands.maintenance
        assert "hunter2" not in stands.maintenance
        assert "by: Field required" in await refused(handle, "end", {"reason": "x"})
        assert (
            await handle.execute_update("end", {"by": "bob", "reason": "done"})
            == "maintenance mode ends, by bob"
        )
        ended = await handle.result()
        assert (await engine.standing()).maintenance == ""
        story = await engine.story(handle)
    assert (ended["phase"], ended["ended_by"], ended["problem"]) == ("off", "bob", "")
    assert [(c.changed_by, c.changes["maintenance"]) for c in story.changes] == [
        ("ann", ["off", "on"]),
        ("bob", ["on", "off"]),
    ]
    assert story.changes[1].reason == "done"
    assert story.incident.outcome == "healed"


async def test_ends_by_itself_at_its_time_also_while_nobody_was_there(
    temporal: Client, tmp_path: Path
) -> None:
    async with opened(temporal, tmp_path) as engine:
        handle = await engine.begin(
            "MaintenanceMode", until=(datetime.now(UTC) + timedelta(seconds=4)).isoformat()
        )
        async with engine.worker():
            await until(handle, MaintenanceStatus, on)
        await asyncio.sleep(4)  # its time comes while no worker runs
        async with engine.worker():
            ended = await asyncio.wait_for(handle.result(), 30)
        story = await engine.story(handle)
        assert (await engine.standing()).maintenance == ""
    assert ended["ended_by"] == "the clock"
    assert [c.changed_by for c in story.changes] == ["ann", "the clock"]


async def test_a_signal_ends_it_too_and_nonsense_does_not(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path) as engine:
        handle = await engine.begin("MaintenanceMode")
        await until(handle, MaintenanceStatus, on)
        await handle.signal("off", {"nonsense": 1})
        await handle.signal("off", {"by": "bob", "reason": "enough"})
        await handle.signal("off", {"by": "eve"})
        assert (await handle.result())["ended_by"] == "bob"


@pytest.mark.parametrize("start", [None, {}, {"reason": ""}, {"cluster": "a b"}, {"until": "2026-01-01"}])
async def test_bad_input_fails_at_once(temporal: Client, tmp_path: Path, start: Any) -> None:
    async with running(temporal, tmp_path) as engine:
        if start is None:
            handle = await temporal.start_workflow("MaintenanceMode", id=engine.name, task_queue=engine.queue)
        else:
            handle = await temporal.start_workflow(
                "MaintenanceMode",
                {"by": "ann", "reason": "x", "cluster": "c", **start} if start else {},
                id=engine.name,
                task_queue=engine.queue,
            )
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(handle.result(), 20)
    assert getattr(failed.value.cause, "type", "") == "Invalid"


async def test_survives_restarts_of_worker_and_server(tmp_path: Path) -> None:
    server = TemporalDevServer(
        tmp_path / "temporal", search_attributes={str(a): "Keyword" for a in SearchAttribute}
    )
    (tmp_path / "temporal").mkdir()
    await asyncio.to_thread(server.start)
    try:
        client = await connect(address=server.address)
        async with opened(client, tmp_path) as engine:
            handle = await engine.begin("MaintenanceMode")
            async with engine.worker():
                await until(handle, MaintenanceStatus, on)
            assert server.process is not None
            server.process.send(signal.SIGKILL)
            while server.running():
                await asyncio.sleep(0.05)
            await asyncio.to_thread(server.start)
            async with engine.worker():
                await until(handle, MaintenanceStatus, on, 60)
                assert (await engine.standing()).maintenance
                await handle.execute_update("end", {"by": "bob"})
                await asyncio.wait_for(handle.result(), 60)
            assert not (await engine.standing()).maintenance
    finally:
        await asyncio.to_thread(server.stop)
