"""Probes and the page of metrics."""

from __future__ import annotations

import asyncio

import httpx2

from suture.api import health
from suture.domain.errors import Unavailable
from suture.telemetry.metrics import Metrics
from tests.api.conftest import DEPLOYMENT, serving, settings_of
from tests.ingest.recording import RecordingIncidents


async def fine() -> None: ...


async def away() -> None:
    raise Unavailable("no answer at postgres://suture:hunter2@db")


async def broken() -> None:
    raise RuntimeError("odd")


async def test_ready_only_when_all_is_there() -> None:
    async with serving(settings_of(), RecordingIncidents(), checks={"temporal": fine}) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "checks": {"temporal": "ok"}})
    checks = {"temporal": fine, "database": away, "cluster": broken}
    async with serving(settings_of(), RecordingIncidents(), checks=checks) as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {
            "temporal": "ok",
            "database": "no answer at postgres://suture:[redacted]@db",
            "cluster": "RuntimeError: odd",
        }
        assert (await client.get("/healthz")).status_code == 200


async def test_reasons_are_not_for_strangers() -> None:
    async with serving(
        settings_of(token="t"), RecordingIncidents(), "10.0.0.1", checks={"db": away}
    ) as client:
        assert (await client.get("/readyz")).json()["checks"] == {"db": "failed"}


async def test_a_check_that_hangs_counts_as_failed() -> None:
    assert "no answer" in await health.run_check(asyncio.Event().wait, seconds=0.01)  # type: ignore[arg-type]


async def test_requests_and_reports_are_counted() -> None:
    metrics = Metrics()

    async def three() -> int:
        return 3

    async with serving(settings_of(), RecordingIncidents(), metrics=metrics, open_count=three) as client:
        await client.post("/v1/incidents", json={**DEPLOYMENT, "source": "ci"})
        await client.post("/v1/incidents", json={})
        await client.get("/nowhere/secret-path")
        page = (await client.get("/metrics")).text
    assert 'suture_reports_total{source="ci",status="firing"} 1.0' in page
    assert 'suture_http_requests_total{method="POST",route="/v1/incidents",status="202"} 1.0' in page
    assert 'suture_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in page
    assert "suture_incidents_open 3.0" in page
    assert "secret-path" not in page


async def test_the_page_says_what_is_missing() -> None:
    async with serving(
        settings_of(), RecordingIncidents(), open_count=failing, sdk_metrics_url="http://127.0.0.1:9/metrics"
    ) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert "# suture_incidents_open: Temporal did not answer" in answer.text
    assert "# the metrics of Temporal's SDK are missing: ConnectError" in answer.text


async def failing() -> int:
    raise Unavailable("away")


async def test_metrics_can_be_switched_off() -> None:
    async with serving(settings_of(metrics=False), RecordingIncidents()) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_every_answer_has_safe_headers(client: httpx2.AsyncClient) -> None:
    for path in ("/", "/nowhere", "/v1/incidents", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers
