"""A real Alertmanager posts to the gateway: what fires and ends arrives, also if Temporal was away."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from lab.processes import free_ports
from lab.tools import ToolMissing, tool
from suture.api.app import create_app
from suture.api.server import Gateway
from suture.domain.errors import Unavailable
from suture.telemetry.metrics import Metrics
from tests.api.conftest import settings_of
from tests.ingest.recording import RecordingIncidents, by_labels

pytestmark = pytest.mark.prometheus
TOKEN = "alertmanagers-token"
CONFIG = """
route: {{receiver: suture, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: suture
    webhook_configs:
      - url: {url}/v1/alerts/alertmanager
        send_resolved: true
        max_alerts: 500
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@pytest.fixture
def incidents() -> RecordingIncidents:
    return RecordingIncidents()


@pytest.fixture
async def gateway(incidents: RecordingIncidents) -> AsyncIterator[Gateway]:
    settings = settings_of(listen="127.0.0.1:0", token=TOKEN)
    gateway = Gateway(create_app(settings, incidents, by_labels, metrics=Metrics()), settings)
    stop = asyncio.Event()
    task = asyncio.create_task(gateway.serve(stop))
    await asyncio.wait_for(gateway.started.wait(), 10)
    yield gateway
    stop.set()
    await task


@pytest.fixture
def alertmanager(gateway: Gateway, tmp_path: Path) -> Iterator[str]:
    try:
        binary = tool("prometheus-alertmanager")
    except ToolMissing:
        pytest.skip("Alertmanager is not installed: run `make system`")
    (tmp_path / "config.yml").write_text(CONFIG.format(url=gateway.url, token=TOKEN))
    (port,) = free_ports(1)
    command = [str(binary), f"--config.file={tmp_path}/config.yml", f"--storage.path={tmp_path}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


async def tell(url: str, name: str, pods: int, over: bool = False) -> None:
    """Post alerts to Alertmanager as Prometheus does; it may just be starting."""
    now = datetime.now(UTC)
    alerts = [
        {
            "labels": {"alertname": name, "namespace": "shop", "pod": f"web-{n}", "severity": "critical"},
            "annotations": {"summary": f"pod {n} is down"},
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            **({"endsAt": now.isoformat()} if over else {}),
        }
        for n in range(pods)
    ]
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(100):
            try:
                (await client.post(f"{url}/api/v2/alerts", json=alerts)).raise_for_status()
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
    raise AssertionError("Alertmanager does not answer")


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def test_what_fires_and_what_ends_arrives(alertmanager: str, incidents: RecordingIncidents) -> None:
    await tell(alertmanager, "WebDown", pods=3)
    await until(lambda: len(incidents.counts) == 3)
    report = incidents.reports[0]
    assert (report.reason, report.source, report.severity) == ("WebDown", "alertmanager", "critical")
    assert report.starts_at is not None
    assert datetime.now(UTC) - report.starts_at > timedelta(minutes=4)
    assert {str(target) for target, _ in incidents.reported} == {f"Pod/shop/web-{n}" for n in range(3)}
    await tell(alertmanager, "WebDown", pods=3, over=True)
    await until(lambda: len(incidents.over) == 3)
    gone = {r.fingerprint for _, batch in incidents.over for r in batch.reports}
    assert gone == set(incidents.counts)


async def test_what_comes_while_temporal_is_away_arrives_when_it_is_back(
    alertmanager: str, incidents: RecordingIncidents
) -> None:
    refused = 0

    def away(_batch: object) -> Exception:
        nonlocal refused
        refused += 1
        return Unavailable("Temporal does not answer")

    incidents.fails = away
    await tell(alertmanager, "WebDown", pods=2)
    await until(lambda: refused >= 4)
    assert incidents.reported == []
    incidents.fails = lambda _: None
    await until(lambda: len(incidents.counts) == 2)
