"""The Temporal server dies while a person is asked; the question, the answer and the repair survive it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from lab.temporal import TemporalDevServer
from suture.domain.stages import Outcome
from suture.domain.visibility import SearchAttribute
from tests.workflows.harness import world
from worker.connect import connect


async def test_approval_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    server = TemporalDevServer(tmp_path, search_attributes={str(a): "Keyword" for a in SearchAttribute})
    await asyncio.to_thread(server.start)
    try:
        client = await connect(address=server.address)
        async with world(client, autopilot=False, approval_timeout=300) as w:
            handle = await w.report(w.cluster.deploy("web", image="bad"))
            before = await w.until(handle, "waiting_for_approval")
            assert server.process is not None
            server.process.send(signal.SIGKILL)
            while server.running():
                await asyncio.sleep(0.05)
            await asyncio.to_thread(server.start)
            await w.report(w.cluster_target("web"))
            after = await w.until(handle, "waiting_for_approval", 60)
            assert before.approval is not None
            assert after.approval is not None
            assert (after.approval.plan_hash, after.approval.since) == (
                before.approval.plan_hash,
                before.approval.since,
            )
            await w.decide(handle)
            result = await asyncio.wait_for(handle.result(), 60)
        assert result.outcome is Outcome.HEALED
        assert result.report_count == 2
        assert len(w.cluster.applied) == 1
    finally:
        await asyncio.to_thread(server.stop)
