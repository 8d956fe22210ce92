"""Many incidents wait for a person at once: memory of worker and server meanwhile, and how long until all are approved.

`python -m benchmarks.approvals 10000`, or among the others with the number in SUTURE_BENCH_APPROVALS. Temporal's server, the
worker's process and the database are real, with the ladder of a shipped installation; the cluster is in memory.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from benchmarks.cluster import until
from benchmarks.figures import Figure, show
from lab.temporal import TemporalDevServer
from suture.domain.incident import IncidentStart, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from suture.domain.visibility import SearchAttribute
from suture.memory.archive import SqlArchive
from suture.memory.store import SqlMemory
from suture.settings import Settings
from tests.fakes import (
    FakeCluster,
    FakeCounters,
    FakeFeed,
    FakeGovernor,
    FakeIncidents,
    FakeLedger,
    FakeNotifications,
    FakeNotifier,
    FakeOnCall,
)
from worker.bootstrap import Ports, Role, escalation_file, worker
from worker.connect import connect

NUMBER = int(os.environ.get("SUTURE_BENCH_APPROVALS", "500"))
QUEUE = "bench-approvals"
AT_ONCE = 128  # requests under way
PATIENCE = 3600.0  # seconds
WAITING = f"{SearchAttribute.WAITING_FOR} = 'approver' AND ExecutionStatus = 'Running'"
RUNNING = "WorkflowType = 'Incident' AND ExecutionStatus = 'Running'"


class ManyClusters(FakeCluster):
    """A namespace each, so that a snapshot of one does not cost the more the more there are."""

    def _within(self, namespace: str) -> list[str]:
        return [namespace]


def name_of(number: int) -> str:
    return f"d{number}"


async def work(address: str, home: str, number: int) -> None:
    """The worker's process."""
    cluster = ManyClusters()
    for n in range(number):
        cluster.deploy(name_of(n), image="bad", namespace=name_of(n))
    client = await connect(address=address)
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{Path(home) / 'memory.db'}") as memory:
        ports = Ports(
            cluster,
            FakeFeed(),
            memory,
            FakeLedger(),
            FakeIncidents(),
            FakeCounters(),
            SqlArchive(memory),
            FakeOnCall(),
            FakeNotifier(),
            FakeNotifications(),
            FakeGovernor(),
        )
        settings = Settings(_env_file=None)
        async with worker(client, settings, Role.ALL, Options(), ports, QUEUE):
            await asyncio.Event().wait()


@asynccontextmanager
async def working(address: str, home: str, number: int) -> AsyncIterator[int]:
    """A worker in a process of its own; its pid."""
    command = [sys.executable, "-m", "benchmarks.approvals", "--worker", address, home, str(number)]
    with (Path(home) / "worker.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.kill()
            await process.wait()


async def measure(number: int = NUMBER) -> list[Figure]:
    """Figures for so many incidents."""
    attributes = {str(a): "Keyword" for a in SearchAttribute}
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as home:
        server = TemporalDevServer(Path(home) / "temporal", search_attributes=attributes)
        await asyncio.to_thread(server.start)
        try:
            client = await connect(address=server.address)
            async with working(server.address, home, number) as pid:
                return await _measure(client, server, pid, number)
        finally:
            await asyncio.to_thread(server.stop)


async def _measure(client: Client, server: TemporalDevServer, pid: int, number: int) -> list[Figure]:
    assert server.process is not None
    ladder = escalation_file(Settings(_env_file=None)).ladder
    options = Options(stable_for=0, cooldown=0, search_attributes=True, ladder=ladder)
    began = time.monotonic()
    await _all(number, lambda n: _start(client, name_of(n), options))
    await until(lambda: _are(client, WAITING, number), PATIENCE)
    asked = time.monotonic() - began
    memory = [_mebibytes(pid), _mebibytes(server.process.pid)]
    began = time.monotonic()
    await _all(number, lambda n: _approve(client, name_of(n)))
    accepted = time.monotonic() - began
    await until(lambda: _are(client, WAITING, 0), PATIENCE)
    approved = time.monotonic() - began
    await until(lambda: _are(client, RUNNING, 0), PATIENCE)
    healed = time.monotonic() - began
    of = f"{number} incidents"
    return [
        Figure(f"{of}: until all wait for approval", asked, "s"),
        Figure(f"{of} that wait: memory of the worker", memory[0], "MiB"),
        Figure(f"{of} that wait: memory of the Temporal server", memory[1], "MiB"),
        Figure(f"{of}: until the server has all approvals", accepted, "s", goal="60 s for 10,000"),
        Figure(f"{of}: until none waits any more", approved, "s"),
        Figure(f"{of}: until all are healed", healed, "s"),
    ]


async def _all(number: int, do: Callable[[int], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        async with gate:
            await do(n)

    await asyncio.gather(*(one(n) for n in range(number)))


async def _start(client: Client, name: str, options: Options) -> None:
    target = Target(namespace=name, kind="Deployment", name=name)
    await client.start_workflow(
        "Incident",
        IncidentStart(target=target, options=options, awaits_report=True),
        id=target.workflow_id,
        task_queue=QUEUE,
        start_signal="report",
        start_signal_args=[ReportBatch(reports=[Report(source="bench", target=target)])],
    )


async def _approve(client: Client, name: str) -> None:
    target = Target(namespace=name, kind="Deployment", name=name)
    await client.get_workflow_handle(target.workflow_id).signal("approve", {"by": "bench"})


async def _are(client: Client, query: str, number: int) -> bool:
    return (await client.count_workflows(query)).count == number


def _mebibytes(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        address, home, number = sys.argv[2:5]
        asyncio.run(work(address, home, int(number)))
    else:
        show(asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else NUMBER)))


if __name__ == "__main__":
    main()
