"""Reports and a real Temporal server: one workflow a target, all counted, errors that say what to do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx2
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from lab.temporal import TemporalDevServer
from suture.domain.errors import Invalid, Unavailable
from suture.domain.incident import IncidentStart, Options
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.ingest import temporal as module
from suture.ingest.temporal import TemporalIncidents, clip, ensure_search_attributes, explain, split
from tests.api.conftest import DEPLOYMENT, serving, settings_of
from worker.connect import connect

pytestmark = pytest.mark.temporal
QUEUE = "test-reports"


@dataclass
class Seen:
    """What the workflow got."""

    started_with: int = 0
    signals: int = 0
    count: int = 0
    keys: list[str] = field(default_factory=list)
    search_attributes: bool = False


@workflow.defn(name="Incident")
class CountingIncident:
    """Stands in for the real workflow: counts until it is told to end."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        attributes = bool(start.options and start.options.search_attributes)
        self.seen = Seen(started_with=len(start.reports), search_attributes=attributes)
        self.over = False

    @workflow.run
    async def run(self, start: IncidentStart) -> Seen:
        await workflow.wait_condition(lambda: self.over)
        return self.seen

    @workflow.signal
    def report(self, batch: ReportBatch) -> None:
        self.seen.signals += 1
        self.seen.count += sum(r.count for r in batch.reports)
        self.seen.keys += [r.key for r in batch.reports]

    @workflow.signal
    def end(self) -> None:
        self.over = True

    @workflow.query
    def look(self) -> Seen:
        return self.seen


@pytest.fixture(scope="module", autouse=True)
async def worker(temporal: Client) -> AsyncIterator[None]:
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal, task_queue=QUEUE, workflows=[CountingIncident], workflow_runner=runner):
        yield


def incidents_of(client: Client, **options: bool) -> TemporalIncidents:
    return TemporalIncidents(client, QUEUE, Options(**options), "http://ui:8233/")


def target(name: str) -> Target:
    return Target(cluster="test-ingest", namespace="shop", kind="Deployment", name=name)


def batch(to: Target, *fingerprints: str, **fields: object) -> ReportBatch:
    reports = [Report(source="test", target=to, fingerprint=f, **fields) for f in fingerprints]
    return ReportBatch(reports=reports)


async def seen(client: Client, to: Target) -> Seen:
    return await client.get_workflow_handle(to.workflow_id).query(CountingIncident.look)


async def end(client: Client, to: Target) -> None:
    handle = client.get_workflow_handle(to.workflow_id)
    await handle.signal(CountingIncident.end)
    await handle.result()


async def test_the_first_report_is_counted_once_and_the_next_one_joins(temporal: Client) -> None:
    to, incidents = target("once"), incidents_of(temporal)
    assert await incidents.report(to, batch(to, "a")) == to.workflow_id
    await incidents.report(to, batch(to, "b", "c"))
    got = await seen(temporal, to)
    assert (got.started_with, got.signals, got.count) == (0, 2, 3)
    assert got.keys == ["a:firing", "b:firing", "c:firing"]
    await end(temporal, to)
    await incidents.report(to, batch(to, "d"))  # the incident is over: a new one begins
    assert (await seen(temporal, to)).count == 1
    await end(temporal, to)


async def test_the_end_of_trouble_reaches_a_running_incident_only(temporal: Client) -> None:
    to, incidents = target("resolved"), incidents_of(temporal)
    gone = batch(to, "a", status=ReportStatus.RESOLVED)
    assert await incidents.resolved(to, gone) is False
    with pytest.raises(RPCError):
        await temporal.get_workflow_handle(to.workflow_id).describe()
    await incidents.report(to, batch(to, "a"))
    assert await incidents.resolved(to, gone) is True
    assert (await seen(temporal, to)).keys == ["a:firing", "a:resolved"]
    await end(temporal, to)
    assert await incidents.resolved(to, gone) is False


async def test_a_thousand_posts_of_one_alert_are_one_workflow_with_all_counted(temporal: Client) -> None:
    to = Target(namespace="shop", kind="Deployment", name="web")
    async with serving(settings_of(), incidents_of(temporal)) as client:  # type: ignore[arg-type]
        posts = [
            client.post("/v1/incidents", json={**DEPLOYMENT, "fingerprint": "same"}) for _ in range(1000)
        ]
        answers: list[httpx2.Response] = await asyncio.gather(*posts)
    assert {a.status_code for a in answers} == {202}
    assert {i["workflow_id"] for a in answers for i in a.json()["incidents"]} == {to.workflow_id}
    got = await seen(temporal, to)
    assert got.count == 1000
    assert got.signals < 200
    runs = [w async for w in temporal.list_workflows(f"WorkflowId = '{to.workflow_id}'")]
    assert len(runs) <= 1  # visibility may lag, but never shows two
    await end(temporal, to)


async def test_a_person_reads_what_it_is_about(temporal: Client) -> None:
    to, incidents = target("read"), incidents_of(temporal, search_attributes=True)
    text = 'web is down\n# <script>alert("x")</script> ' + "é\x01" * 2000
    await incidents.report(
        to, batch(to, "a", severity=Severity.CRITICAL, summary=text, reason="WebDown" * 30)
    )
    described = await temporal.get_workflow_handle(to.workflow_id).describe()
    summary, details = await described.static_summary(), await described.static_details()
    assert summary is not None
    assert summary.startswith("critical: Deployment/shop/read: WebDown")
    assert details is not None
    assert "<script>" not in details.replace("\\<", "")
    values = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert values["SutureTarget"] == "Deployment/shop/read"
    assert values["SutureSeverity"] == "critical"
    assert incidents.link(to.workflow_id) == (
        "http://ui:8233/namespaces/default/workflows/incident%2Ftest-ingest%2Fshop%2Fdeployment%2Fread"
    )
    await end(temporal, to)


async def test_large_batches_go_in_pieces(temporal: Client) -> None:
    to, incidents = target("large"), incidents_of(temporal)
    await incidents.report(to, batch(to, *(f"f{n}" for n in range(900)), summary="ü" * 4000))
    got = await seen(temporal, to)
    assert got.count == 900
    assert got.keys == [f"f{n}:firing" for n in range(900)]
    await end(temporal, to)


async def test_open_incidents_are_counted_and_the_server_is_asked(temporal: Client) -> None:
    incidents = incidents_of(temporal)
    await incidents.ready()
    assert await incidents.open_count() >= 0


async def test_an_id_that_is_too_long_is_the_senders_fault(temporal: Client) -> None:
    to = Target(cluster="c" * 253, namespace="n" * 253, kind="K" * 253, name="x" * 253)
    with pytest.raises(Invalid):
        await incidents_of(temporal).report(to, batch(to, "a"))


async def test_a_namespace_that_is_not_there_is_named(temporal_server: TemporalDevServer) -> None:
    client = await Client.connect(
        temporal_server.address, namespace="nowhere", lazy=True, data_converter=pydantic_data_converter
    )
    with pytest.raises(Unavailable, match="set TEMPORAL_NAMESPACE"):
        await incidents_of(client).ready()
    with pytest.raises(Unavailable, match="set TEMPORAL_NAMESPACE"):
        await incidents_of(client).resolved(target("x"), batch(target("x"), "a"))


async def test_a_server_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RPC_TIMEOUT", timedelta(seconds=0.5))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
        client = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
        incidents = incidents_of(client)
        for call in (incidents.report, incidents.resolved):
            with pytest.raises(Unavailable, match="Temporal d"):
                await call(target("x"), batch(target("x"), "a"))
        for ask in (incidents.ready, incidents.open_count):
            with pytest.raises(Unavailable, match="Temporal d"):
                await ask()


@pytest.mark.parametrize("status", list(RPCStatusCode))
def test_every_error_of_the_server_has_a_meaning(status: RPCStatusCode) -> None:
    error = explain(RPCError("words", status, b""))
    assert isinstance(error, Invalid if status is RPCStatusCode.INVALID_ARGUMENT else Unavailable)
    assert "words" in str(error)


@pytest.mark.slow
async def test_search_attributes_are_made_where_they_are_missing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = TemporalDevServer(tmp_path_factory.mktemp("bare"))
    await asyncio.to_thread(server.start)
    try:
        client = await connect(address=server.address)
        to = target("unknown-attributes")
        await incidents_of(client, search_attributes=True).report(to, batch(to, "a"))  # not known: left out
        described = await client.get_workflow_handle(to.workflow_id).describe()
        assert described.status is WorkflowExecutionStatus.RUNNING
        assert not list(described.typed_search_attributes)
        assert await ensure_search_attributes(client) is True
        assert await ensure_search_attributes(client) is True
        assert await ensure_search_attributes(client, "nowhere") is False
        again = target("known-attributes")
        await incidents_of(client, search_attributes=True).report(again, batch(again, "a"))
    finally:
        await asyncio.to_thread(server.stop)


def test_pieces_keep_everything_in_order() -> None:
    to = target("x")
    whole = batch(to, *(f"f{n}" for n in range(50)))
    parts = list(split(whole, limit=1000))
    assert len(parts) > 5
    assert [r for part in parts for r in part.reports] == whole.reports


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 1000, "é" * 1000, "\x01" * 1000, '"' * 1000, "🔥" * 1000]
)
def test_clipped_texts_fit_as_json(text: str) -> None:
    clipped = clip(text, 100)
    assert len(json.dumps(clipped, ensure_ascii=False).encode()) <= 100
    assert clipped == text or clipped.endswith("…")
