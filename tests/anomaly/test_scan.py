"""The scheduled scan: a real Prometheus is asked, what is strange or soon full is reported, and its end is told once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow, ScheduleOverlapPolicy
from temporalio.worker import Replayer, Worker

from activities.scan import Scan
from models.anomaly.judge import Judge
from suture.domain.errors import Invalid, Unavailable
from suture.domain.report import ReportStatus
from suture.domain.scan import ScanResult, ScanRule, ScanRules
from suture.ingest.prometheus import PrometheusMetrics
from tests.anomaly.exporter import Exporter, prometheus
from tests.ingest.recording import RecordingIncidents, by_labels
from worker.plugin import SuturePlugin
from worker.schedules import keep_scan

pytestmark = pytest.mark.prometheus
WEB = '{__name__=~"web_.*"}'
LEARN = 14.0  # seconds of healthy rows before anything breaks


@pytest.fixture(scope="module")
def exporter() -> Exporter:
    return Exporter()


@pytest.fixture(scope="module")
def server(exporter: Exporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(exporter, tmp_path_factory.mktemp("prometheus")) as url:
        yield url


def rules() -> ScanRules:
    """As a file has them."""
    saturation = {"look": "saturation", "limit": 95, "horizon": 600, "step": 0.2, "lookback": 10}
    return ScanRules.model_validate(
        {
            "rules": [
                {"name": "web", "query": WEB, "severity": "high", "step": 0.2, "recent": 2, "lookback": 30},
                {"name": "disk", "query": "disk_used", **saturation},
                {
                    "name": "cert",
                    "query": "cert_not_after",
                    "look": "expiry",
                    "horizon": 7200,
                    "labels": {"deployment": "tls"},
                },
                {"name": "wrong", "query": "rate(", "look": "expiry"},
            ]
        }
    )


async def test_the_story_of_a_server_that_breaks_and_mends(
    temporal: Client, exporter: Exporter, server: str
) -> None:
    incidents, metrics = RecordingIncidents(), PrometheusMetrics(server)
    queue = f"scan-{uuid.uuid4().hex[:8]}"
    scan = Scan(metrics, Judge(), incidents, by_labels, rules).scan
    async with Worker(temporal, task_queue=queue, activities=[scan], plugins=[SuturePlugin()]):
        name = await keep_scan(temporal, queue, 3600, task_queue=queue)
        policy = (await temporal.get_schedule_handle(name).describe()).schedule.policy
        assert policy.overlap is ScheduleOverlapPolicy.SKIP
        await _learned(metrics)

        calm = await _run(temporal, name)
        assert {f.report.reason for f in calm.firing} == {"ExpirySoon"}
        assert [str(t) for t, _ in incidents.reported] == ["Deployment/shop/tls"]
        assert "parse error" in calm.failed["wrong"]

        exporter.broken = True
        exporter.fill(0.3)
        found = await _until(temporal, name, {"ExpirySoon", "MetricAnomaly", "SaturationForecast"})
        by_reason = {r.reason: r for r in incidents.reports}
        assert "web_latency" in by_reason["MetricAnomaly"].summary.partition(";")[0]
        assert str(by_reason["MetricAnomaly"].target) == "Deployment/shop/web"
        assert by_reason["MetricAnomaly"].source == "anomaly"
        assert by_reason["MetricAnomaly"].severity == "high"
        assert "reaches 95 in" in by_reason["SaturationForecast"].summary
        assert str(by_reason["SaturationForecast"].target) == "Node/n1"
        assert found.rules == 4
        assert max(incidents.counts.values()) == 1  # what goes on firing is not said again

        exporter.broken = False
        await _until(temporal, name, {"ExpirySoon", "SaturationForecast"})
        assert [r.reason for _, b in incidents.over for r in b.reports] == ["MetricAnomaly"]
        assert incidents.over[0][1].reports[0].status is ReportStatus.RESOLVED
        assert await keep_scan(temporal, queue, None) == name
    await metrics.close()


async def test_errors_of_prometheus_say_what_to_do(server: str) -> None:
    metrics = PrometheusMetrics(server)
    with pytest.raises(Invalid, match="refuses the query"):
        await metrics.query_range("rate(", 0, 10, 1)
    await metrics.close()
    nobody = PrometheusMetrics("http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="does not answer"):
        await nobody.query_range("up", 0, 10, 1)
    await nobody.close()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "a", "query": "up", "look": "saturation"}, "needs a limit"),
        ({"name": "a", "query": "up", "step": 0.1, "lookback": 86400}, "raise step"),
        ({"name": "a", "query": "up", "recent": 86400}, "shorter than lookback"),
        ({"name": "a b", "query": "up"}, "pattern"),
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScanRule.model_validate(wrong)


def test_names_of_rules_are_unique() -> None:
    with pytest.raises(ValueError, match="named twice: a"):
        ScanRules.model_validate({"rules": [{"name": "a", "query": "up"}, {"name": "a", "query": "up"}]})


def test_the_workflow_process_holds_no_model() -> None:
    code = (
        "import worker.plugin, worker.bootstrap, workflows.anomaly_scan, sys\n"
        "print(*(m for m in ('torch', 'numpy', 'scipy', 'sklearn', 'river', 'httpx2', 'models') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


async def _learned(metrics: PrometheusMetrics) -> None:
    """Wait until there are enough healthy rows."""
    async with asyncio.timeout(60):
        while True:
            now = time.time()
            found = await metrics.query_range(WEB, now - 30, now, 0.2)
            if found and min(len(s.times) for s in found) >= LEARN / 0.2:
                return
            await asyncio.sleep(0.5)


async def _until(temporal: Client, name: str, reasons: set[str]) -> ScanResult:
    """Scan until exactly these fire."""
    async with asyncio.timeout(90):
        while True:
            found = await _run(temporal, name)
            if {f.report.reason for f in found.firing} == reasons:
                return found
            await asyncio.sleep(0.5)


async def _run(temporal: Client, name: str) -> ScanResult:
    """Start the schedule's workflow now, and return its result. Its history replays."""
    schedule = temporal.get_schedule_handle(name)
    before = (await schedule.describe()).info.num_actions
    await schedule.trigger()
    async with asyncio.timeout(30):
        while (await schedule.describe()).info.num_actions == before:
            await asyncio.sleep(0.05)
    started = (await schedule.describe()).info.recent_actions[-1].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    handle = temporal.get_workflow_handle(
        started.workflow_id, run_id=started.first_execution_run_id, result_type=ScanResult
    )
    found: ScanResult = await handle.result()
    await Replayer(workflows=[], plugins=[SuturePlugin()]).replay_workflow(await handle.fetch_history())
    return found
