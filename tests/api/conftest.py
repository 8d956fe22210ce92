"""The application without a network, over a recording `Incidents`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from suture.api.app import create_app
from suture.settings import Settings
from suture.telemetry.metrics import Metrics
from tests.ingest.recording import RecordingIncidents, by_labels

DEPLOYMENT = {"target": {"kind": "Deployment", "namespace": "shop", "name": "web"}, "summary": "it is down"}
ALERT = {
    "status": "firing",
    "labels": {"alertname": "WebDown", "namespace": "shop", "deployment": "web", "severity": "critical"},
    "annotations": {"summary": "web is down"},
    "startsAt": "2026-01-01T03:00:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "8f1c2d3e4a5b6c7d",
}


def webhook(*alerts: dict[str, Any]) -> dict[str, Any]:
    """A post as Alertmanager makes it."""
    return {
        "receiver": "suture",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": '{}:{alertname="WebDown"}',
        "truncatedAlerts": 0,
    }


def settings_of(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


@asynccontextmanager
async def serving(
    settings: Settings, incidents: RecordingIncidents, peer: str = "127.0.0.1", **options: Any
) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application, which believes that `peer` asks."""
    metrics = options.pop("metrics", None) or Metrics()
    app = create_app(settings, incidents, by_labels, metrics=metrics, **options)
    transport = httpx2.ASGITransport(app=app, client=(peer, 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def incidents() -> RecordingIncidents:
    return RecordingIncidents()


@pytest.fixture
async def client(incidents: RecordingIncidents) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(settings_of(body_limit=10_000), incidents) as client:
        yield client
