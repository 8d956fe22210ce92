"""Metrics, logs and traces."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from temporalio.client import Client

from lab.temporal import TemporalDevServer
from suture.domain.decision import Route
from suture.domain.diagnosis import FailureType
from suture.domain.incident import IncidentRecord, Timings
from suture.domain.report import Report
from suture.domain.stages import Outcome, Severity, Stage
from suture.domain.target import Target
from suture.telemetry import Metrics, sdk_runtime, setup_logging, temporal_plugins
from suture.telemetry.metrics import BoundedLabel
from suture.telemetry.tracing import _exporter, tracing_wanted
from tests.api.conftest import serving, settings_of
from tests.ingest.recording import RecordingIncidents

TARGET = Target(namespace="shop", kind="Deployment", name="web")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def healed() -> IncidentRecord:
    timings = Timings(
        started_at=BEGIN,
        detected_at=BEGIN + timedelta(seconds=3),
        acted_at=BEGIN + timedelta(seconds=8),
        healed_at=BEGIN + timedelta(seconds=45),
        stage_seconds={Stage.DETECT: 2.0, Stage.VERIFY: 30.0},
    )
    return IncidentRecord(
        incident_id="i",
        workflow_id=TARGET.workflow_id,
        target=TARGET,
        severity=Severity.HIGH,
        reports=[Report(source="alertmanager", target=TARGET)],
        failure_type=FailureType.IMAGE_PULL,
        route=Route.RULE_BASED,
        outcome=Outcome.HEALED,
        timings=timings,
    )


def test_an_ended_incident_is_counted_with_its_times() -> None:
    metrics = Metrics()
    metrics.record_incident(healed())
    metrics.record_action("undo_rollout", "success")
    page = metrics.page().decode()
    for line in (
        'suture_incidents_total{failure_type="image_pull",outcome="healed",route="rule_based",'
        'source="alertmanager"} 1.0',
        'suture_stage_seconds_sum{stage="verify"} 30.0',
        "suture_time_to_detect_seconds_sum 3.0",
        "suture_time_to_act_seconds_sum 8.0",
        "suture_time_to_heal_seconds_sum 45.0",
        'suture_actions_total{kind="undo_rollout",result="success"} 1.0',
    ):
        assert line in page


def test_labels_cannot_grow_without_end() -> None:
    label = BoundedLabel(limit=3)
    assert [label(v) for v in ("a", "b", "c", "d", "a", "e")] == ["a", "b", "c", "other", "a", "other"]
    assert BoundedLabel()('x"}\n{é') == "x_____"
    assert BoundedLabel()("") == "other"


async def test_the_sdks_metrics_are_on_the_same_page(temporal_server: TemporalDevServer) -> None:
    runtime, url = sdk_runtime()
    client = await Client.connect(temporal_server.address, runtime=runtime)
    await client.count_workflows()
    async with serving(settings_of(), RecordingIncidents(), sdk_metrics_url=url) as gateway:
        page = (await gateway.get("/metrics")).text
    assert "suture_http_requests_total" in page
    assert "temporal_request_total" in page
    async with httpx2.AsyncClient(trust_env=False) as own:
        assert (await own.get(url)).status_code == 200


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    setup_logging(json=True, stream=stream)
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def told(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_logs_hide_secrets_whoever_writes_them(lines: io.StringIO) -> None:
    class Settings:
        def __str__(self) -> str:
            return "token=hunter2"

    structlog.get_logger("a").warning(
        "failed", password="hunter2", url="postgres://u:hunter2@db", of=Settings()
    )
    logging.getLogger("b").error("login with token=%s failed", "hunter2")
    structlog.get_logger("a").info("headers", headers={"Authorization": "Bearer hunter2hunter2", "n": [1]})
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        structlog.get_logger("a").exception("failed")
        logging.getLogger("b").exception("failed")
    assert "hunter2" not in lines.getvalue()
    assert told(lines)[0]["event"] == "failed"
    assert all({"timestamp", "level", "logger"} <= set(line) for line in told(lines))
    assert "ValueError" in told(lines)[-1]["exception"]


def test_logs_for_people_are_lines_too() -> None:
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    try:
        setup_logging(stream=stream, level="DEBUG")
        structlog.get_logger("a").debug("hello %s", "world", n=1)
        logging.getLogger("httpx2").info("noise")
    finally:
        root.handlers[:], root.level = before
        structlog.reset_defaults()
    assert "hello world" in stream.getvalue()
    assert "n=1" in stream.getvalue()
    assert "noise" not in stream.getvalue()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4317"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_environment_switches_traces_on(environment: dict[str, str], wanted: bool) -> None:
    assert tracing_wanted(environment) is wanted


def test_exporters_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(_exporter("otlp")).__name__ == "OTLPSpanExporter"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    with pytest.raises(ValueError, match="install opentelemetry-exporter-otlp-proto-http"):
        _exporter("otlp")
    assert temporal_plugins() == []


def test_one_trace_from_the_webhook_to_the_activity(temporal_server: TemporalDevServer) -> None:
    script = Path(__file__).with_name("traced_story.py")
    root = str(script.parent.parent.parent)
    environment = {
        **os.environ,
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_SERVICE_NAME": "mine",
        "PYTHONPATH": root,
    }
    command = [sys.executable, str(script), temporal_server.address]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    spans = {span["name"]: span for span in parse(ran.stdout)}
    chain = [
        "RunActivity:work",
        "StartActivity:work",
        "RunWorkflow:Incident",
        "SignalWithStartWorkflow:Incident",
    ]
    for child, parent in zip(chain, [*chain[1:], "POST /v1/incidents"], strict=True):
        assert spans[child]["parent_id"] == spans[parent]["context"]["span_id"], (child, sorted(spans))
    assert spans["kubernetes GET"]["parent_id"] == spans["RunActivity:work"]["context"]["span_id"]
    assert spans["POST /v1/incidents"]["context"]["trace_id"] == "0x" + "4bf92f3577b34da6a3ce929d0e0e4736"
    assert spans["RunActivity:work"]["resource"]["attributes"]["service.name"] == "mine"


def parse(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{\n", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        yield value
