"""200 incidents at once: how many end in a second, beside bare workflows with as many activities."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from benchmarks import cluster, floor
from benchmarks.figures import Figure
from policies.limits import Limits
from suture.domain.incident import IncidentResult, IncidentStart, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from suture.ingest.temporal import TemporalIncidents
from suture.memory.archive import SqlArchive
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from suture.settings import Settings
from tests.fakes import (
    FakeCluster,
    FakeCounters,
    FakeFeed,
    FakeLedger,
    FakeNotifications,
    FakeNotifier,
    FakeOnCall,
)
from worker.bootstrap import Ports, Role, worker

INCIDENTS = 200
MEMORY_QUEUE = "bench-memory"


async def _floor(client: Client, tag: str) -> float:
    began = time.monotonic()
    async with floor.worker(client):
        handles = await asyncio.gather(*(floor.start(client, f"floor-{tag}-{n}") for n in range(INCIDENTS)))
        await asyncio.gather(*(h.result() for h in handles))  # type: ignore[attr-defined]
    return INCIDENTS / (time.monotonic() - began)


async def on_cluster(engine: cluster.Engine, client: Client) -> list[Figure]:
    """The whole engine: gateway, real API server, scheduler and kubelet, database; on the same two cores as all of them."""
    names = [f"many-{n}" for n in range(INCIDENTS)]
    cluster.deploy(engine.kube, names)
    await asyncio.sleep(5)
    floor_rate = await _floor(client, "cluster")
    before = await _ended(client)
    began = time.monotonic()
    async with cluster.poster(engine.gateway) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/alerts/alertmanager", json=cluster.alert(n)) for n in names)
        )
    assert all(a.status_code == 202 for a in answers), [a.text for a in answers if a.status_code != 202][:1]

    async def all_ended() -> bool:
        return await _ended(client) - before >= INCIDENTS

    await cluster.until(all_ended, 180)
    rate = INCIDENTS / (time.monotonic() - began)
    return [
        Figure(
            "incidents a second, 200 at once, real cluster",
            rate,
            "/s",
            floor_rate,
            "bare Temporal workflow",
            "30/s, 1.3 times",
            lower=False,
        )
    ]


async def _ended(client: Client) -> int:
    return (await client.count_workflows("WorkflowType = 'Incident' AND ExecutionStatus = 'Completed'")).count


async def in_memory(client: Client) -> list[Figure]:
    """The engine's own cost: workflows, activities and SQLite for real, the cluster in memory (it takes no core)."""
    floor_rate = await _floor(client, "memory")
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as home:
        async with await SqlMemory.connect(f"sqlite+aiosqlite:///{Path(home) / 'm.db'}") as memory:
            rate = await _in_memory_rate(client, memory)
    name = "incidents a second, 200 at once, cluster in memory"
    return [Figure(name, rate, "/s", floor_rate, "bare Temporal workflow", "30/s, 1.3 times", lower=False)]


async def _in_memory_rate(client: Client, memory: SqlMemory) -> float:
    world, options = FakeCluster(), Options(stable_for=0, cooldown=0)
    ports = Ports(
        world,
        FakeFeed(),
        memory,
        FakeLedger(),
        TemporalIncidents(client, MEMORY_QUEUE),
        FakeCounters(),
        SqlArchive(memory),
        FakeOnCall(),
        FakeNotifier(),
        FakeNotifications(),
        SqlGovernor(memory.database, Limits.load(cluster.GOVERNOR)),
    )
    settings = Settings(autopilot=True, _env_file=None)
    targets = [world.deploy(f"d{n}", image="bad", namespace=f"n{n}") for n in range(INCIDENTS)]
    async with worker(client, settings, Role.ALL, options, ports, MEMORY_QUEUE):
        began = time.monotonic()
        handles = await asyncio.gather(*(_start(client, t, options) for t in targets))
        results = await asyncio.gather(*(h.result() for h in handles))
        rate = INCIDENTS / (time.monotonic() - began)
    healed = sum(r.outcome == "healed" for r in results)
    assert healed == INCIDENTS, f"only {healed} of {INCIDENTS} were healed"
    return rate


async def _start(client: Client, target: Target, options: Options) -> WorkflowHandle[Any, IncidentResult]:
    batch = ReportBatch(reports=[Report(source="bench", target=target)])
    return await client.start_workflow(
        "Incident",
        IncidentStart(target=target, options=options, awaits_report=True),
        id=f"bench-{target.workflow_id}",
        task_queue=MEMORY_QUEUE,
        start_signal="report",
        start_signal_args=[batch],
        result_type=IncidentResult,
    )
