"""A real Prometheus with the shipped rules and a real Alertmanager: what a service shows on its page becomes a report."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lab.processes import free_ports
from lab.tools import tool
from suture.api.app import create_app
from suture.api.server import Gateway
from suture.domain.stages import Severity
from suture.telemetry.metrics import Metrics
from tests.api.conftest import settings_of
from tests.ingest.recording import RecordingIncidents, by_labels

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]
RULES = Path(__file__).resolve().parents[2] / "deploy/prometheus/rules"
TOKEN = "the-gateways-token"
PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yaml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: kube-state-metrics, honor_labels: true, static_configs: [{{targets: ["{exporter}"]}}]}}
  - {{job_name: suture, authorization: {{credentials: {token}}}, static_configs: [{{targets: ["{gateway}"]}}]}}
"""
ALERTMANAGER = """
route: {{receiver: suture, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: suture
    webhook_configs:
      - url: {url}/v1/alerts/alertmanager
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


class Exporter:
    """A page of metrics whose text a test sets."""

    def __init__(self) -> None:
        self.text = ""
        outer = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(outer.text.encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    exporter = Exporter()
    yield exporter
    exporter.server.shutdown()


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


@contextmanager
def running(home: Path, name: str, *options: str) -> Iterator[None]:
    with (home / f"{name}.log").open("w") as log:
        process = subprocess.Popen([str(tool(name)), *options], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def monitoring(gateway: Gateway, exporter: Exporter, tmp_path: Path) -> Iterator[None]:
    alertmanager, prometheus = (f"127.0.0.1:{port}" for port in free_ports(2))
    (tmp_path / "alertmanager.yml").write_text(ALERTMANAGER.format(url=gateway.url, token=TOKEN))
    (tmp_path / "prometheus.yml").write_text(
        PROMETHEUS.format(
            rules=RULES,
            alertmanager=alertmanager,
            exporter=exporter.address,
            gateway=gateway.url.removeprefix("http://"),
            token=TOKEN,
        )
    )
    with ExitStack() as stack:
        for name, address, more in (
            ("prometheus-alertmanager", alertmanager, "--cluster.listen-address="),
            ("prometheus", prometheus, "--log.level=warn"),
        ):
            file = tmp_path / f"{name.removeprefix('prometheus-')}.yml"
            options = (f"--config.file={file}", f"--web.listen-address={address}", more)
            path = f"--storage.path={tmp_path}/a" if "alert" in name else f"--storage.tsdb.path={tmp_path}/p"
            stack.enter_context(running(tmp_path, name, *options, path))
        yield


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


async def test_lost_data_is_reported_and_its_end_too(
    monitoring: None, exporter: Exporter, incidents: RecordingIncidents
) -> None:
    lost = 'kube_persistentvolumeclaim_status_phase{{namespace="shop",persistentvolumeclaim="data",phase="Lost"}} {}\n'
    exporter.text = lost.format(1)
    await until(lambda: bool(incidents.reports))
    [(target, batch)] = incidents.reported
    report = batch.reports[0]
    assert str(target) == "PersistentVolumeClaim/shop/data"
    assert (report.reason, report.severity) == ("DataLoss", Severity.CRITICAL)
    assert report.labels["level"] == "L2"
    assert report.summary == "The volume behind the claim shop/data is lost"
    exporter.text = lost.format(0)
    await until(lambda: bool(incidents.over))
    assert [(str(t), b.reports[0].reason) for t, b in incidents.over] == [(str(target), "DataLoss")]
