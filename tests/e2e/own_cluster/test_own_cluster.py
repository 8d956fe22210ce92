"""A user's own cluster: nothing is changed without a word, missing rights are named, outages of servers lose nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.processes import Process
from suture.memory.queries import incident
from suture.memory.store import SqlMemory
from tests.e2e.conversation import healed, id_of, phase, record_of, waiting
from tests.e2e.installation import Installation, alert
from tests.e2e.shop import BAD, GOOD, Shop, Writes, until
from tests.memory.postgres import PostgresServer

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.postgres, pytest.mark.slow]
ACCOUNT = "system:serviceaccount:suture:suture"


async def test_it_proposes_and_changes_nothing_until_somebody_approves(
    engine: Installation, shop: Shop, client: Client
) -> None:
    assert "every change asks" in engine.log.read_text()
    shop.open(["proposed"])
    writes = Writes(shop.cluster.home, shop.namespace, ACCOUNT)
    shop.roll_out("proposed")
    record = await waiting(client, id_of(shop.namespace, "proposed"))
    await asyncio.sleep(2)
    assert writes.names() == []
    assert shop.image("proposed") == BAD
    done = engine.cli("approve", record.incident_id)
    assert done.returncode == 0, done.stderr
    await healed(client, id_of(shop.namespace, "proposed"))
    assert writes.names() == ["proposed"]
    assert shop.image("proposed") == GOOD


async def test_a_database_that_dies_in_the_middle_loses_nothing(
    engine: Installation, shop: Shop, client: Client, postgres: PostgresServer
) -> None:
    shop.open(["outage"])
    writes = Writes(shop.cluster.home, shop.namespace, ACCOUNT)
    shop.roll_out("outage")
    workflow = id_of(shop.namespace, "outage")
    record = await waiting(client, workflow)
    postgres.stop()
    assert (await asyncio.to_thread(engine.get, "/readyz")).status_code == 503
    assert engine.cli("approve", record.incident_id).returncode == 0
    await asyncio.sleep(3)
    assert writes.names() == []  # what cannot be written down first is not done
    postgres.start()
    await healed(client, workflow)
    assert writes.names() == ["outage"]
    async with await SqlMemory.connect(engine.arguments[-1]) as memory:
        told = await incident(memory, record.incident_id)
    assert told.record is not None
    assert told.record.outcome == "healed"
    assert [len(a.receipts) for a in told.record.attempts] == [1]


@pytest.fixture
def without_the_right_to_patch(lab_cluster: LabCluster, engine: Installation) -> Iterator[None]:
    """The binding is left out, as rbac.yaml says one may."""
    kube, name = lab_cluster.kube(), "suture-act-workloads"
    binding = kube.get("ClusterRoleBinding", None, name)
    assert binding is not None
    kube.delete("ClusterRoleBinding", None, name)
    yield
    kube.restore(binding)


async def test_a_missing_right_is_named(
    without_the_right_to_patch: None, engine: Installation, shop: Shop, client: Client
) -> None:
    shop.open(["forbidden"])
    writes = Writes(shop.cluster.home, shop.namespace, ACCOUNT)
    shop.roll_out("forbidden")
    workflow = id_of(shop.namespace, "forbidden")
    while True:  # each plan that needs the right is refused in its turn
        record = await record_of(client, workflow)
        if record and record.outcome:
            break
        if record and record.phase == "waiting_for_approval":
            engine.cli("approve", record.incident_id)
        await asyncio.sleep(0.3)
    assert record.outcome == "escalated"
    assert "patch" in record.summary and "deployments" in record.summary, record.summary
    assert writes.names() == []


@pytest.fixture
def frozen(lab_cluster: LabCluster) -> Iterator[Process]:
    """The API server, which goes on at the end."""
    server = lab_cluster.process("kube-apiserver")
    yield server
    server.send(signal.SIGCONT)


async def test_a_cluster_that_does_not_answer_is_waited_for(
    engine: Installation, shop: Shop, client: Client, frozen: Process
) -> None:
    shop.open(["waits"])
    shop.kube.patch("Deployment", shop.namespace, "waits", {"spec": {"replicas": 0}})
    workflow = id_of(shop.namespace, "waits")
    record = await waiting_after(engine, shop, client, workflow)
    frozen.send(signal.SIGSTOP)
    assert engine.cli("approve", record).returncode == 0
    ready = await asyncio.to_thread(engine.get, "/readyz")
    assert ready.status_code == 503
    assert "cluster" in ready.text and "no answer" in ready.text, ready.text
    assert (await asyncio.to_thread(engine.get, "/healthz")).status_code == 200
    frozen.send(signal.SIGCONT)
    await healed(client, workflow)
    assert until(lambda: engine.get("/readyz").status_code == 200)
    assert shop.get("waits")["spec"]["replicas"] == 1


async def waiting_after(engine: Installation, shop: Shop, client: Client, workflow: str) -> str:
    """The incident's id, once it asks about what an alert told."""
    engine.post("/v1/alerts/alertmanager", alert("waits", shop.namespace))
    return (await waiting(client, workflow)).incident_id


async def test_a_target_that_is_not_there(engine: Installation, shop: Shop, client: Client) -> None:
    posted = engine.post("/v1/alerts/alertmanager", alert("never-was", shop.namespace))
    assert posted.status_code == 202, posted.text
    record = await phase(client, id_of(shop.namespace, "never-was"), "escalated")
    assert "never-was" in record.summary


def test_no_trace_is_exported_unless_somebody_asks(engine: Installation) -> None:
    assert not any(name.startswith("OTEL_") for name in engine.environment)
    log = engine.log.read_text()
    assert "traces are exported" not in log
    assert '"trace_id"' not in log
