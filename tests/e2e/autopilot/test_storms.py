"""Alerts in numbers: a real Alertmanager, grouped, firing and resolved; a thousand posts of one alert; a target that changes."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from lab.processes import free_ports
from lab.tools import ToolMissing, tool
from suture.domain.incident import IncidentRecord
from tests.e2e.conversation import healed, id_of, phase, waiting
from tests.e2e.installation import Installation, alert
from tests.e2e.shop import GOOD, Shop, Writes, until

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
POSTS = 1000
CONFIG = """
route: {{receiver: suture, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
- name: suture
  webhook_configs:
  - url: {url}/v1/alerts/alertmanager
    send_resolved: true
    http_config: {{authorization: {{credentials_file: {token}}}}}
"""


@pytest.fixture
def alertmanager(engine: Installation, tmp_path: Path) -> Iterator[str]:
    try:
        binary = tool("prometheus-alertmanager")
    except ToolMissing:
        pytest.skip("Alertmanager is not installed: run `make system`")
    config = CONFIG.format(url=engine.runtime.gateway, token=engine.home / "token")
    (tmp_path / "config.yml").write_text(config)
    (port,) = free_ports(1)
    command = [str(binary), f"--config.file={tmp_path}/config.yml", f"--storage.path={tmp_path}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def tell(alertmanager: str, shop: Shop, names: list[str], over: bool = False) -> None:
    """Alerts of several deployments in one group."""
    now = datetime.now(UTC).isoformat()
    alerts = [
        {
            "labels": {
                "alertname": "KubeDeploymentReplicasMismatch",
                "namespace": shop.namespace,
                "deployment": name,
            },
            "annotations": {"summary": f"{name} has too few replicas"},
            "startsAt": "2026-01-01T00:00:00Z",
            **({"endsAt": now} if over else {}),
        }
        for name in names
    ]

    def posted() -> bool:
        try:
            return httpx2.post(f"{alertmanager}/api/v2/alerts", json=alerts, trust_env=False).is_success
        except httpx2.HTTPError:
            return False

    assert until(posted, 20)


@pytest.mark.prometheus
async def test_a_real_alertmanager_brings_firing_and_resolved(
    engine: Installation, asking: Shop, client: Client, alertmanager: str
) -> None:
    names = ["first", "second"]
    asking.open(names)
    for name in names:
        asking.roll_out(name)
    tell(alertmanager, asking, names)
    records = [await alerted(client, id_of(asking.namespace, name)) for name in names]
    assert engine.cli("approve", records[0].incident_id).returncode == 0
    await healed(client, id_of(asking.namespace, "first"))
    assert asking.image("first") == GOOD
    asking.roll_out("second", image=GOOD)  # somebody else mends it
    tell(alertmanager, asking, names, over=True)
    await phase(client, id_of(asking.namespace, "second"), "self_resolved")


async def alerted(client: Client, workflow: str) -> IncidentRecord:
    """The record once the alert has reached the incident that asks."""
    async with asyncio.timeout(30):
        while True:
            record = await waiting(client, workflow)
            if "alertmanager" in {r.source for r in record.reports}:
                return record
            await asyncio.sleep(0.2)


async def test_a_thousand_posts_are_one_incident(engine: Installation, asking: Shop, client: Client) -> None:
    asking.open(["storm"])
    writes = Writes(asking.cluster.home, asking.namespace)
    asking.roll_out("storm")
    workflow, body = id_of(asking.namespace, "storm"), alert("storm", asking.namespace)
    before = await waiting(client, workflow)
    headers = {"Authorization": f"Bearer {engine.token}"}
    async with httpx2.AsyncClient(trust_env=False, headers=headers, timeout=60) as http:
        gate = asyncio.Semaphore(50)

        async def post() -> int:
            async with gate:
                answer = await http.post(f"{engine.runtime.gateway}/v1/alerts/alertmanager", json=body)
                return answer.status_code

        codes = await asyncio.gather(*(post() for _ in range(POSTS)))
    assert set(codes) == {202}
    record = await waiting(client, workflow)
    assert record.incident_id == before.incident_id
    assert {r.source: r.count for r in record.reports} == {"kubernetes": 1, "alertmanager": POSTS}
    assert record.report_count == POSTS + 1
    runs = [w async for w in client.list_workflows(f"WorkflowId = '{workflow}'")]
    assert max(run.history_length for run in runs) < 2000  # they went in groups
    assert engine.cli("approve", record.incident_id).returncode == 0
    await healed(client, workflow)
    assert writes.names() == ["storm"]


async def test_a_target_that_others_change_all_the_time(
    engine: Installation, shop: Shop, client: Client
) -> None:
    """Every change makes a new resourceVersion: writes that conflict are repeated or planned anew, never lost."""
    shop.open(["busy"])
    calm = threading.Event()

    def meddle() -> None:
        number = 0
        while not calm.wait(0.02):
            number += 1
            body = {"metadata": {"labels": {"touched": str(number)}}}
            shop.kube.patch("Deployment", shop.namespace, "busy", body)

    meddler = threading.Thread(target=meddle)
    meddler.start()
    try:
        shop.roll_out("busy")
        await healed(client, id_of(shop.namespace, "busy"))
    finally:
        calm.set()
        meddler.join()
    assert shop.image("busy") == GOOD


async def test_a_target_that_is_deleted_while_a_person_is_asked(
    engine: Installation, asking: Shop, client: Client
) -> None:
    asking.open(["gone"])
    asking.roll_out("gone")
    workflow = id_of(asking.namespace, "gone")
    record = await waiting(client, workflow)
    writes = Writes(asking.cluster.home, asking.namespace)
    asking.kube.delete("Deployment", asking.namespace, "gone")
    ended = await phase(client, workflow, "self_resolved")  # the watch has seen it go
    assert "does not exist" in ended.summary
    late = engine.cli("approve", record.incident_id)
    assert late.returncode == 1
    assert writes.names() == []
