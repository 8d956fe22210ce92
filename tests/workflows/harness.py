"""One worker with in-memory ports on the real Temporal server, and what tests do with an incident."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from suture.domain.decision import Decision
from suture.domain.incident import IncidentRecord, IncidentResult, IncidentStart, IncidentStatus, Options
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.target import Target
from suture.settings import Settings
from tests.fakes import (
    NAMESPACE,
    FakeArchive,
    FakeCluster,
    FakeCounters,
    FakeFeed,
    FakeGovernor,
    FakeIncidents,
    FakeLedger,
    FakeMemory,
    FakeNotifications,
    FakeNotifier,
    FakeOnCall,
    FakeProber,
)
from worker.bootstrap import Ports, Role, worker
from worker.plugin import SuturePlugin
from workflows.incident import Incident

HISTORIES = Path(__file__).parent / "histories"
QUICK = Options(
    grace_limit=5,
    stable_for=0.3,
    verify_timeout=1.5,
    approval_timeout=30,
    cooldown=0,
    unreachable_after=2,
    search_attributes=True,
)


class World:
    """What a test sees: the fake cluster and memory, and incidents to talk to."""

    def __init__(
        self,
        client: Client,
        queue: str,
        options: Options,
        governor: Any = None,
        cluster: FakeCluster | None = None,
    ) -> None:
        self.client, self.queue, self.options = client, queue, options
        self.cluster, self.memory = cluster or FakeCluster(), FakeMemory()
        self.governor: Any = governor or FakeGovernor()
        self.archive, self.on_call = FakeArchive(self.memory), FakeOnCall()
        self.notifier, self.notifications = FakeNotifier(), FakeNotifications()
        self.ports = Ports(
            self.cluster,
            FakeFeed(),
            self.memory,
            FakeLedger(),
            FakeIncidents(),
            FakeCounters(),
            self.archive,
            self.on_call,
            self.notifier,
            self.notifications,
            self.governor,
            prober=FakeProber(),
        )
        self.handles: list[WorkflowHandle[Any, Any]] = []

    @staticmethod
    def cluster_target(name: str) -> Target:
        return Target(namespace=NAMESPACE, kind="Deployment", name=name)

    async def report(
        self,
        target: Target,
        status: ReportStatus = ReportStatus.FIRING,
        count: int = 1,
        summary: str = "it is broken",
        **more: Any,
    ) -> WorkflowHandle[Any, IncidentResult]:
        """Signal-with-start, as signal sources do."""
        one = Report(
            source="test",
            target=target,
            status=status,
            reason="Test",
            summary=summary,
            count=count,
            **more,
        )
        handle = await self.client.start_workflow(
            "Incident",
            IncidentStart(target=target, awaits_report=True, options=self.options),
            id=f"{target.workflow_id}-{self.queue}",
            task_queue=self.queue,
            start_signal="report",
            start_signal_args=[ReportBatch(reports=[one])],
            result_type=IncidentResult,
        )
        if handle.id not in [h.id for h in self.handles]:
            self.handles.append(handle)
        return handle

    async def until(
        self, handle: WorkflowHandle[Any, Any], phase: str, seconds: float = 15
    ) -> IncidentStatus:
        """Wait until the incident is in a phase."""
        async with asyncio.timeout(seconds):
            while True:
                status: IncidentStatus = await handle.query(Incident.status)
                if status.phase == phase:
                    return status
                await asyncio.sleep(0.05)

    async def finished(self, handle: WorkflowHandle[Any, Any]) -> IncidentResult:
        """The result at the end of the chain of runs."""
        return IncidentResult.model_validate(await self.client.get_workflow_handle(handle.id).result())

    async def until_or_ended(self, handle: WorkflowHandle[Any, Any]) -> IncidentStatus | None:
        """The status once a person is asked again; None once the incident has ended."""
        while True:
            status: IncidentStatus = await handle.query(Incident.status)
            if status.outcome is not None:
                return None
            if status.phase == "waiting_for_approval":
                return status
            await asyncio.sleep(0.05)

    async def record(self, handle: WorkflowHandle[Any, Any]) -> IncidentRecord:
        found: IncidentRecord = await handle.query(Incident.record)
        return found

    async def decide(self, handle: WorkflowHandle[Any, Any], choice: Any = "approve", **more: Any) -> str:
        return await handle.execute_update(
            Incident.decide, Decision(choice=choice, by="ann", reason="because", **more)
        )


@asynccontextmanager
async def world(
    client: Client,
    name: str = "",
    autopilot: bool = True,
    governor: Any = None,
    queue: str = "",
    cluster: FakeCluster | None = None,
    **changes: Any,
) -> AsyncIterator[World]:
    """A world with its own worker. At the end every history is replayed; with SUTURE_RECORD=1 it is also kept as `name`.

    `queue` and `cluster` are those of an earlier world whose worker was stopped.
    """
    queue = queue or f"test-{uuid.uuid4().hex[:8]}"
    w = World(client, queue, QUICK.model_copy(update=changes), governor, cluster)
    async with worker(
        client, Settings(autopilot=autopilot, _env_file=None), Role.ALL, w.options, w.ports, w.queue
    ):
        yield w
    for number, handle in enumerate(w.handles):
        history = await handle.fetch_history()
        await Replayer(workflows=[], plugins=[SuturePlugin()]).replay_workflow(history)
        if name and os.environ.get("SUTURE_RECORD"):
            HISTORIES.mkdir(exist_ok=True)
            file = HISTORIES / f"{name}{number or ''}.json"
            recorded = {"workflow_id": handle.id, **without_traces(json.loads(history.to_json()))}
            file.write_text(json.dumps(recorded, separators=(",", ":")))


def without_traces(value: Any) -> Any:
    """Stack traces name the files of the machine that recorded them."""
    if isinstance(value, dict):
        return {k: without_traces(v) for k, v in value.items() if k != "stackTrace"}
    return [without_traces(v) for v in value] if isinstance(value, list) else value
