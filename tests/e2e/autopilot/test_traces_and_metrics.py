"""An incident that a webhook reports is one trace and shows up on one page of metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from suture.domain.incident import IncidentRecord
from suture.domain.stages import Stage
from tests.e2e.conversation import healed, id_of
from tests.e2e.installation import Installation, alert
from tests.e2e.shop import GOOD, Shop, until

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]


@pytest.fixture(scope="module")
async def record(engine: Installation, shop: Shop, client: Client) -> IncidentRecord:
    """An incident that came in as an alert before the watch could see it, and was healed."""
    shop.open(["traced"])
    body = {"spec": {"replicas": 0}}
    shop.kube.patch("Deployment", shop.namespace, "traced", body)
    answer = engine.post("/v1/alerts/alertmanager", alert("traced", shop.namespace))
    assert answer.status_code == 202, answer.text
    record = await healed(client, id_of(shop.namespace, "traced"))
    assert shop.image("traced") == GOOD
    return record


def spans(log: Path) -> Iterator[dict[str, Any]]:
    """What the console exporter printed between the lines of the log."""
    text, at, decoder = log.read_text(), 0, json.JSONDecoder()
    while (at := text.find("{\n", at)) >= 0:
        try:
            found, at = decoder.raw_decode(text, at)
        except ValueError:
            at += 1
            continue
        if "context" in found:
            yield found


def test_one_trace_from_the_webhook_to_the_api_server(engine: Installation, record: IncidentRecord) -> None:
    def whole() -> list[dict[str, Any]]:
        """All of the trace, once its workflow has ended."""
        everything = list(spans(engine.log))
        traces = [s["context"]["trace_id"] for s in everything if _is(s, "RunWorkflow:Incident", record)]
        return [s for s in everything if s["context"]["trace_id"] in traces]

    found = until(whole, 20)
    names = {s["name"] for s in found}
    assert "POST /v1/alerts/alertmanager" in names
    assert len({s["context"]["trace_id"] for s in found}) == 1
    assert {f"RunActivity:{stage}" for stage in Stage} <= names
    writes = {
        s["attributes"]["k8s.resource"].partition(".")[0]
        for s in found
        if s["attributes"].get("k8s.verb") == "patch"
    }
    assert writes == {"deployments"}


def _is(span: dict[str, Any], name: str, record: IncidentRecord) -> bool:
    about = span["attributes"].get("temporalWorkflowID")
    return bool(span["name"] == name and about == record.workflow_id)


def samples(page: str) -> dict[str, float]:
    return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+(?:\{.*\})?) (\S+)$", page, re.M)}


def test_one_page_has_all_figures(engine: Installation, record: IncidentRecord) -> None:
    assert engine.get("/metrics").status_code == 200
    found = until(lambda: samples(engine.get("/metrics").text))
    labels = f'failure_type="{record.failure_type}",outcome="healed",route="{record.route}"'
    ended = {k: v for k, v in found.items() if k.startswith("suture_incidents_total{")}
    assert any(
        all(part in k for part in [*labels.split(","), "source="]) and v >= 1 for k, v in ended.items()
    ), ended
    for stage in Stage:
        assert found[f'suture_stage_seconds_count{{stage="{stage}"}}'] >= 1
    for what in ("detect", "act", "heal"):
        assert found[f"suture_time_to_{what}_seconds_count"] >= 1
    assert any(k.startswith("suture_actions_total{") and 'result="success"' in k for k in found)
    assert any(k.startswith("suture_reports_total{") and 'source="alertmanager"' in k for k in found)
    assert any(k.startswith("temporal_activity_execution_latency") for k in found)
