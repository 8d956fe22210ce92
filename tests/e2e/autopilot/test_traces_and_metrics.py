"""An incident that a webhook reports is one trace and shows up on one page of metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from lab.cluster import LabCluster
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
    def traces() -> dict[str, list[dict[str, Any]]]:
        by_trace: dict[str, list[dict[str, Any]]] = {}
        for span in spans(engine.log):
            by_trace.setdefault(span["context"]["trace_id"], []).append(span)
        ours = {
            s["context"]["trace_id"] for s in by_trace_spans(by_trace) if s["name"] == "RunActivity:memorize"
        }
        return {t: found for t, found in by_trace.items() if t in ours and _posted(found)}

    def by_trace_spans(by_trace: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        return [s for found in by_trace.values() for s in found]

    [found] = until(traces, 20).values()
    names = [s["name"] for s in found]
    wanted = ["detect", "classify", "route", "approve", "execute", "verify", "memorize"]
    assert [
        n for n in wanted if not any(name.startswith("RunActivity:") and name.endswith(n) for name in names)
    ] == []
    assert any(name.startswith("RunWorkflow:Incident") for name in names)
    writes = [s for s in found if s["attributes"].get("k8s.verb") == "patch"]
    assert [s["attributes"]["k8s.resource"] for s in writes] == ["deployments"] * len(writes) != []


def _posted(found: list[dict[str, Any]]) -> bool:
    return any("alertmanager" in s["name"] for s in found)


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


def test_nothing_is_exported_unless_asked(lab_cluster: LabCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from suture.telemetry import temporal_plugins
    from suture.telemetry.tracing import tracing_wanted

    assert not tracing_wanted({})
    assert temporal_plugins() == []
