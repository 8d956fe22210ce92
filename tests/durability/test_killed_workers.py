"""kill -9 at every step of real incidents on a real API server: nothing lost, nothing done twice, every incident ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from suture.domain.incident import IncidentStart, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.stages import Outcome
from suture.domain.target import Target
from suture.memory.store import SqlMemory
from suture.memory.tables import HealingAction
from suture.settings import TASK_QUEUE
from tests.e2e.shop import GOOD, Shop, Writes

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
STEPS = {  # what each stage does to the world, in this order
    "detect": ("snapshot", "open_incident", "put_evidence"),
    "classify": ("snapshot#2",),
    "execute": ("journal", "prepare", "begin_action", "apply", "end_action"),
    "verify": ("snapshot#3",),
    "memorize": ("save_incident",),
}
POINTS = [f"{when}:{step}" for steps in STEPS.values() for step in steps for when in ("before", "after")]
NAMES = {point: f"web-{number}" for number, point in enumerate(POINTS)}
OPTIONS = Options(stable_for=1, cooldown=0, verify_timeout=90, grace_limit=60)
REACHED = 20.0  # seconds in which a worker must have come to its end


class Nursery:
    """Starts real worker processes one after another."""

    def __init__(self, cluster: LabCluster, server: TemporalDevServer, home: Path) -> None:
        environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.engine_kubeconfig),
            "TEMPORAL_ADDRESS": server.address,
            "SUTURE_STATE_DIR": str(home),
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.durability.doomed_worker"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(home / "worker.log").open("a"),
            text=True,
        )

    async def start(self, point: str) -> int:
        """A new worker; its pid."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{point}\n")
        self.process.stdin.flush()
        return await asyncio.to_thread(self._read)

    async def end(self, pid: int, seconds: float) -> bool:
        """Whether the worker killed itself in time; it is dead afterwards in any case."""
        reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        in_time = bool((await asyncio.wait({reading}, timeout=seconds))[0])
        if not in_time:
            os.kill(pid, signal.SIGKILL)
        return await reading == -signal.SIGKILL and in_time

    def _read(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture
def shop(lab_cluster: LabCluster) -> Iterator[Shop]:
    shop = Shop(lab_cluster, "doomed")
    shop.open(NAMES.values())
    yield shop
    shop.close()


@pytest.fixture
def nursery(lab_cluster: LabCluster, temporal_server: TemporalDevServer, tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(lab_cluster, temporal_server, tmp_path)
    yield nursery
    nursery.process.kill()
    nursery.process.wait()


async def start(client: Client, name: str) -> Any:
    target = Target(cluster="lab", namespace="doomed", kind="Deployment", name=name)
    batch = ReportBatch(reports=[Report(source="test", target=target, reason="KubePodNotReady")])
    return await client.start_workflow(
        "Incident",
        IncidentStart(target=target, options=OPTIONS, awaits_report=True),
        id=target.workflow_id,
        task_queue=TASK_QUEUE,
        start_signal="report",
        start_signal_args=[batch],
    )


@pytest.mark.timeout(300)
async def test_killed_at_every_step(
    shop: Shop, nursery: Nursery, lab_cluster: LabCluster, temporal: Client, tmp_path: Path
) -> None:
    for name in NAMES.values():
        shop.roll_out(name)
    writes, died, handles = Writes(lab_cluster.home, shop.namespace), {}, []
    for (
        point,
        name,
    ) in NAMES.items():  # an incident each: what the last kill interrupted waits for its timeout
        handles.append(await start(temporal, name))
        died[point] = await nursery.end(await nursery.start(point), REACHED)
    last = await nursery.start("none")
    try:
        results = await asyncio.wait_for(asyncio.gather(*(h.result() for h in handles)), 150)
    finally:
        await nursery.end(last, 0)
    assert [p for p, was_reached in died.items() if not was_reached] == []
    assert [r["outcome"] for r in results] == [Outcome.HEALED] * len(NAMES)
    _exactly_once_on_the_server(shop, writes)
    await _exactly_once_in_the_database(tmp_path)


def _exactly_once_on_the_server(shop: Shop, writes: Writes) -> None:
    """One write for each deployment in the audit log, and the spec as it was before the fault."""
    assert sorted(writes.names()) == sorted(NAMES.values())
    for name in NAMES.values():
        assert shop.get(name)["metadata"]["generation"] == 3  # created, broken, healed
        assert shop.image(name) == GOOD


async def _exactly_once_in_the_database(home: Path) -> None:
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{home / 'memory.db'}") as memory:

        async def read(connection: Any) -> list[Any]:
            return list(
                (await connection.execute(select(HealingAction.incident_id, HealingAction.state))).all()
            )

        actions = await memory.database.read(read)
    assert len(actions) == len({a.incident_id for a in actions}) == len(NAMES)
    assert {a.state for a in actions} == {"done"}
