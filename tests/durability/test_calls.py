"""What peers' users ask for in vain: calls that survive kill -9 of worker and server, never come twice, and stop when
somebody has acknowledged. Real server, real database, real receiver."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from lab.temporal import TemporalDevServer
from policies.escalation import load_escalation
from suture.domain.incident import IncidentRecord, IncidentStart, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from tests.durability.calling_worker import Orders
from tests.notify.receivers import Webhook
from worker.connect import connect

pytestmark = [pytest.mark.temporal, pytest.mark.slow]
WEB = Target(namespace="shop", kind="Deployment", name="web")
FILE = """\
version: 1
contacts: {{ann: "{ann}", bob: "{bob}"}}
levels:
  - {{name: L1, who: on-call, contacts: [ann]}}
  - {{name: L2, who: manager, after: {second}s, contacts: [bob]}}
look_every: 2s
"""


class Stage:
    """A server, a worker process, and who is called."""

    def __init__(self, home: Path, server: TemporalDevServer, webhook: Webhook, second: int) -> None:
        self.home, self.server, self.webhook = home, server, webhook
        file = home / "escalation.yaml"
        file.write_text(FILE.format(ann=webhook.url("ann"), bob=webhook.url("bob"), second=second))
        self.options = Options(
            stable_for=0.3,
            verify_timeout=1.5,
            cooldown=0,
            unreachable_after=5,
            ladder=load_escalation(file).ladder,
        )
        self.orders = Orders(
            address=server.address,
            queue="calls",
            database=f"sqlite+aiosqlite:///{home / 'memory.db'}",
            escalation=str(file),
            healed=str(home / "healed"),
        )
        self.process: subprocess.Popen[str] | None = None

    async def work(self, point: str = "none") -> None:
        """Start the worker; it dies at the point."""
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.durability.calling_worker",
                json.dumps(asdict(replace(self.orders, point=point))),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=(self.home / "worker.log").open("a"),
            text=True,
        )
        assert self.process.stdout is not None
        assert await asyncio.to_thread(self.process.stdout.readline) == "ready\n"

    async def died(self) -> None:
        """Wait until the worker has killed itself."""
        assert self.process is not None
        assert await asyncio.to_thread(self.process.wait, 60) == -signal.SIGKILL

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def kill_server(self) -> None:
        assert self.server.process is not None
        self.server.process.send(signal.SIGKILL)
        while self.server.running():
            await asyncio.sleep(0.05)
        await asyncio.to_thread(self.server.start)

    async def report(self) -> WorkflowHandle[Any, Any]:
        """As an alert manager does, again and again."""
        client = await self.client()
        return await client.start_workflow(
            "Incident",
            IncidentStart(target=WEB, options=self.options, awaits_report=True),
            id=WEB.workflow_id,
            task_queue=self.orders.queue,
            start_signal="report",
            start_signal_args=[ReportBatch(reports=[Report(source="test", target=WEB, reason="Down")])],
        )

    async def client(self) -> Client:
        return await connect(address=self.server.address)

    async def record(self) -> IncidentRecord:
        handle = (await self.client()).get_workflow_handle(WEB.workflow_id)
        found: IncidentRecord = await handle.query("record", result_type=IncidentRecord)
        return found

    async def called(self, *names: str, seconds: float = 60) -> None:
        """Wait until at least these were called."""
        async with asyncio.timeout(seconds):
            while not set(names) <= set(self.webhook.names):
                await asyncio.sleep(0.1)

    async def over(self) -> IncidentRecord:
        """Heal the target and wait for the end."""
        Path(self.orders.healed).touch()
        handle = (await self.client()).get_workflow_handle(WEB.workflow_id)
        await asyncio.wait_for(handle.result(), 60)
        return await self.record()


@asynccontextmanager
async def stage(home: Path, second: int = 4) -> AsyncIterator[Stage]:
    server = TemporalDevServer(home / "temporal")
    await asyncio.to_thread(server.start)
    with Webhook() as webhook:
        made = Stage(home, server, webhook, second)
        try:
            yield made
        finally:
            made.kill()
            await asyncio.to_thread(server.stop)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("point", "received"), [("before:send", 0), ("after:send", 1), ("after:claim", 0)])
async def test_killed_between_claim_and_answer_nobody_is_told_twice(
    tmp_path: Path, point: str, received: int
) -> None:
    async with stage(tmp_path) as s:
        await s.work(point)
        await s.report()
        await s.died()
        await s.work()
        await s.called("bob")
        async with asyncio.timeout(60):
            while (await s.record()).escalation.told[0].result == "":  # type: ignore[union-attr]
                await asyncio.sleep(0.2)
        record = await s.over()
    assert s.webhook.names.count("ann") == received
    assert s.webhook.names.count("bob") == 1
    assert record.escalation is not None
    assert [t.result for t in record.escalation.told] == ["not known whether ann heard of it", "told bob"]


@pytest.mark.timeout(180)
async def test_still_firing_the_next_level_is_called_although_worker_and_server_were_killed(
    tmp_path: Path,
) -> None:
    """And the one before is told what was tried, by whom; each once."""
    async with stage(tmp_path, second=10) as s:
        await s.work()
        await s.report()
        await s.called("ann")
        began = time.monotonic()
        s.kill()
        await s.kill_server()
        await s.report()
        await s.work()
        await s.called("bob")
        assert time.monotonic() - began > 5  # not before its time
        record = await s.over()
    assert s.webhook.names == ["ann", "bob"]
    message = s.webhook.received[1][1]["message"]
    assert "L1 (on-call) at" in message
    assert "undo the rollout of Deployment/shop/web" in message
    assert record.report_count == 2


@pytest.mark.timeout(180)
async def test_acknowledged_nobody_is_called_although_worker_and_server_were_killed(tmp_path: Path) -> None:
    async with stage(tmp_path, second=5) as s:
        await s.work()
        handle = await s.report()
        await s.called("ann")
        await handle.execute_update("decide", {"choice": "acknowledge", "by": "ann"})
        s.kill()
        await s.kill_server()
        await s.work()
        await s.report()
        await asyncio.sleep(8)
        assert s.webhook.names == ["ann"]
        await (await s.client()).get_workflow_handle(WEB.workflow_id).signal("unacknowledge", {"by": "ann"})
        await s.called("bob")
        await s.over()
    assert s.webhook.names == ["ann", "ann", "bob"]  # ann once more at once, for she gave it back
