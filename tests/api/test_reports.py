"""What a sender of reports gets for an answer, and what reaches the incidents."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from suture.domain.errors import Invalid, Unavailable
from suture.domain.report import ReportStatus
from suture.domain.stages import Severity
from tests.api.conftest import ALERT, DEPLOYMENT, serving, settings_of, webhook
from tests.ingest.recording import RecordingIncidents

RESOLVED: dict[str, Any] = {**ALERT, "status": "resolved"}


def other(name: str, **changes: Any) -> dict[str, Any]:
    return {**ALERT, "fingerprint": name, "labels": {**ALERT["labels"], "deployment": name}, **changes}  # type: ignore[dict-item]


async def test_an_alert_reaches_the_incident_of_its_target(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    answer = await client.post("/v1/alerts/alertmanager", json=webhook(ALERT))
    assert answer.status_code == 202
    assert answer.json()["incidents"][0]["workflow_id"] == "incident/default/shop/deployment/web"
    ((target, batch),) = incidents.reported
    (report,) = batch.reports
    assert str(target) == "Deployment/shop/web"
    assert (report.reason, report.severity, report.summary) == ("WebDown", Severity.CRITICAL, "web is down")
    assert report.starts_at is not None
    assert report.starts_at.year == 2026


async def test_a_group_is_one_batch_for_each_target(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    answer = await client.post("/v1/alerts/alertmanager", json=webhook(ALERT, other("cart"), ALERT))
    assert {i["target"]: i["reports"] for i in answer.json()["incidents"]} == {
        "Deployment/shop/web": 2,
        "Deployment/shop/cart": 1,
    }
    assert incidents.counts == {ALERT["fingerprint"]: 2, "cart": 1}
    assert len(incidents.reported) == 2


async def test_the_end_of_trouble_starts_no_incident(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    incidents.running = False
    answer = await client.post("/v1/alerts/alertmanager", json=webhook(RESOLVED))
    assert answer.status_code == 202
    assert answer.json() == {"incidents": [], "without_incident": 1}
    assert incidents.reported == []
    assert incidents.over[0][1].reports[0].status is ReportStatus.RESOLVED


async def test_firing_and_resolved_of_one_target_go_together_in_their_order(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    gone = {**RESOLVED, "fingerprint": "gone"}
    await client.post("/v1/alerts/alertmanager", json=webhook(gone, ALERT))
    assert [(r.fingerprint, r.status) for r in incidents.reports] == [
        ("gone", "resolved"),
        (ALERT["fingerprint"], "firing"),
    ]
    assert incidents.over == []


async def test_away_means_503_and_a_retry_finds_all_of_it_again(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    incidents.fails = lambda _: Unavailable("Temporal does not answer (password=hunter2)")
    answer = await client.post("/v1/alerts/alertmanager", json=webhook(ALERT))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json() == {
        "error": "Temporal does not answer (password=[redacted])",
        "what_to_do": "send the same request again later",
    }
    incidents.fails = lambda _: None
    assert (await client.post("/v1/alerts/alertmanager", json=webhook(ALERT))).status_code == 202
    assert sum(incidents.counts.values()) == 1


async def test_one_bad_target_does_not_keep_the_others_out(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    def refuse(batch: Any) -> Exception | None:
        name = batch.reports[0].target.name
        return {"bad": Invalid("the id is too long"), "away": Unavailable("busy")}.get(name)

    incidents.fails = refuse
    both = webhook(other("bad"), other("good"))
    assert (await client.post("/v1/alerts/alertmanager", json=both)).status_code == 422
    assert [t.name for t, _ in incidents.reported] == ["good"]
    all_three = webhook(other("bad"), other("away"), other("good"))
    assert (await client.post("/v1/alerts/alertmanager", json=all_three)).status_code == 503


async def test_an_unforeseen_failure_is_told_without_its_details(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    incidents.fails = lambda _: KeyError("secret")
    answer = await client.post("/v1/incidents", json=DEPLOYMENT)
    assert answer.status_code == 500
    assert answer.json()["error"] == "the gateway failed"


async def test_anything_can_be_reported_by_hand(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    posted = {
        **DEPLOYMENT,
        "severity": "P1",
        "reason": "SmokeTest",
        "source": "ci",
        "labels": {"token": "abc"},
    }
    answer = await client.post("/v1/incidents", json=posted)
    assert answer.status_code == 202
    (report,) = incidents.reports
    assert (report.source, report.severity, report.reason) == ("ci", Severity.CRITICAL, "SmokeTest")
    assert report.labels == {"token": "[redacted]"}
    assert report.fingerprint


async def test_labels_are_enough(client: httpx2.AsyncClient, incidents: RecordingIncidents) -> None:
    await client.post(
        "/v1/incidents", json={"labels": {"namespace": "shop", "pod": "web-1"}, "status": "firing"}
    )
    await client.post("/v1/incidents", json={"target": {"kind": "Pod", "namespace": "shop", "name": "web-1"}})
    assert [str(t) for t, _ in incidents.reported] == ["Pod/shop/web-1"] * 2


async def test_links_lead_to_the_workflow(incidents: RecordingIncidents) -> None:
    async with serving(settings_of(), incidents, link=lambda i: f"http://ui/{i}") as client:
        answer = await client.post("/v1/incidents", json=DEPLOYMENT)
    assert answer.json()["incidents"][0]["url"] == "http://ui/incident/default/shop/deployment/web"


async def test_a_storm_is_answered_in_full_with_few_signals(
    client: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    incidents.gate.clear()
    posts = [asyncio.create_task(client.post("/v1/incidents", json=DEPLOYMENT)) for _ in range(200)]
    while len(asyncio.all_tasks()) < 200:
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    incidents.gate.set()
    assert {(await post).status_code for post in posts} == {202}
    assert sum(incidents.counts.values()) == 200
    assert len(incidents.reported) <= 5
