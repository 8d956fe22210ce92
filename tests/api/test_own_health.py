"""What the alerts about the engine are made of, read from a real Temporal server."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from suture.api.own_health import OwnHealth
from suture.domain.errors import Unavailable
from suture.ingest.temporal import TemporalIncidents
from suture.telemetry.metrics import Metrics
from tests.api.conftest import serving, settings_of
from tests.fakes import FakeIncidents
from tests.ingest.recording import RecordingIncidents
from tests.workflows.harness import World, world

pytestmark = pytest.mark.temporal


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def read(w: World, metrics: Metrics, queue: str = "") -> None:
    await OwnHealth(TemporalIncidents(w.client, queue or w.queue, w.options))(metrics)


async def test_counts_workers_and_who_waits(temporal: Client) -> None:
    metrics = Metrics()
    async with world(temporal, autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        async with asyncio.timeout(20):  # the server's list lags behind
            while not value(metrics, "suture_incidents_waiting", longer_than_seconds="0"):
                await read(w, metrics)
        assert value(metrics, "suture_temporal_up") == 1
        assert value(metrics, "suture_incidents_waiting", longer_than_seconds="1800") == 0
        assert value(metrics, "suture_queue_workers", queue=w.queue) == 1
        await read(w, metrics, "nobodys-queue")
        assert value(metrics, "suture_queue_workers", queue="nobodys-queue") == 0
        await w.decide(handle, "reject")
        await handle.result()


class Away(FakeIncidents):
    async def worker_counts(self) -> dict[str, int]:
        raise Unavailable("away")


async def test_the_page_tells_that_temporal_is_away() -> None:
    metrics = Metrics()
    metrics.queue_workers.labels("suture").set(3)
    gauges = [OwnHealth(Away())]
    async with serving(settings_of(), RecordingIncidents(), metrics=metrics, gauges=gauges) as client:
        page = (await client.get("/metrics")).text
    assert "suture_temporal_up 0.0" in page
    assert "# some gauges are missing: Unavailable" in page
    assert "suture_queue_workers{" not in page
