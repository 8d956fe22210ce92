"""The cluster is watched by one of two engines; when that one is killed, the other reports what breaks within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from tests.e2e.conversation import id_of, record_of, waiting
from tests.e2e.installation import Installation
from tests.e2e.shop import Shop

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
WATCH = "cluster-watch/lab"
TAKEOVER = 30.0  # seconds: the heartbeat's timeout is 10, and two shared cores are slow


@pytest.fixture
def engines(
    lab_cluster: LabCluster, temporal_server: TemporalDevServer, tmp_path: Path
) -> Iterator[list[Installation]]:
    """Two engines that share a database, as two replicas do."""
    database = ["--database", f"sqlite+aiosqlite:///{tmp_path / 'shared.db'}"]
    both = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        key = {"SUTURE_ENCRYPTION_KEY_FILE": str(tmp_path / "sealing.key")}
        kubeconfig = lab_cluster.engine_kubeconfig
        both.append(Installation(tmp_path / name, temporal_server, kubeconfig, database, key))
    for engine in both:
        engine.start()
    yield both
    for engine in both:
        engine.stop()


@pytest.fixture
def shop(lab_cluster: LabCluster) -> Iterator[Shop]:
    shop = Shop(lab_cluster, "watched")
    shop.open(["before", "after"])
    yield shop
    shop.close()


async def holder(client: Client) -> int:
    """The pid of the process that runs the watching activity; 0 when none does at the moment."""
    described = await client.get_workflow_handle(WATCH).describe()
    for activity in described.raw_description.pending_activities:
        if activity.HasField("last_heartbeat_time"):
            return int(activity.last_worker_identity.partition("@")[0])
    return 0


async def other_holder(client: Client, than: int = 0) -> int:
    async with asyncio.timeout(TAKEOVER):
        while (found := await holder(client)) in (0, than):
            await asyncio.sleep(0.2)
    return found


async def test_the_other_engine_takes_over(engines: list[Installation], shop: Shop, temporal: Client) -> None:
    try:
        first = await other_holder(temporal)
        [killed] = [e for e in engines if e.process and e.process.pid == first]
        shop.roll_out("before")
        await waiting(temporal, id_of(shop.namespace, "before"))
        killed.kill()
        shop.roll_out("after")
        record = await waiting(temporal, id_of(shop.namespace, "after"), TAKEOVER)
        second = await other_holder(temporal, than=first)
        assert [e.process.pid for e in engines if e is not killed and e.process] == [second]
        await asyncio.sleep(2)  # a second report would come with one of the next looks
        assert [(r.source, r.count) for r in record.reports] == [("kubernetes", 1)]
        before = await record_of(temporal, id_of(shop.namespace, "before"))
        assert before is not None
        assert len(before.reports) == 1  # the new watch may say it again: that joins
    finally:
        for name in ("before", "after"):
            await temporal.get_workflow_handle(id_of(shop.namespace, name)).terminate()
        await temporal.get_workflow_handle(WATCH).terminate()
