"""What follows an incident, on a real Temporal server: started once, reminded in time, refused with reasons, restart-proof."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from lab.temporal import TemporalDevServer
from suture.domain.post_incident import Duty, PostIncidentRecord, PostIncidentRules, workflow_id_of
from suture.domain.stages import Outcome, Severity
from suture.domain.visibility import SearchAttribute
from suture.settings import Settings
from tests.workflows.harness import World, world
from worker.bootstrap import Role, worker
from worker.connect import connect
from workflows.post_incident import PostIncident

pytestmark = pytest.mark.temporal
LATER = {duty: 600.0 for duty in Duty}
QUIET = PostIncidentRules(due=LATER, remind_before=1)
DONE = ("report_done", "improvement_done", "review_done")


def follow_up_of(w: World, incident_id: str) -> WorkflowHandle[Any, Any]:
    handle = w.client.get_workflow_handle_for(PostIncident.run, workflow_id_of(incident_id))
    w.handles.append(handle)
    return handle


async def escalated(w: World, name: str = "web") -> WorkflowHandle[Any, Any]:
    """An incident that nothing helped; its follow-up."""
    handle = await w.report(w.cluster.deploy(name, image="bad", previous="worse"))
    result = await handle.result()
    assert result.outcome is Outcome.ESCALATED
    return follow_up_of(w, result.incident_id)


async def until(
    handle: WorkflowHandle[Any, Any], holds: Callable[[PostIncidentRecord], object], seconds: float = 30
) -> PostIncidentRecord:
    async with asyncio.timeout(seconds):
        while True:
            record: PostIncidentRecord = await handle.query(PostIncident.status)
            if holds(record):
                return record
            await asyncio.sleep(0.05)


async def refused(handle: WorkflowHandle[Any, Any], update: str, said: Any) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await handle.execute_update(update, said)
    return str(error.value.cause)


async def test_the_whole_follow_up(temporal: Client) -> None:
    async with world(temporal, "post-incident", post_incident=QUIET) as w:
        handle = await escalated(w)
        record = await until(handle, lambda r: r.reports)
        assert record.why == "it ended as escalated"
        text, page = (w.memory.evidence[record.reports[form]] for form in ("md", "html"))
        assert "# Incident report: Deployment/shop/web" in text
        assert "<h1>Incident report" in page
        assert record.items
        assert all(i.proposed for i in record.items)
        assert "root cause" in await refused(handle, "rca_done", {"by": "ann"})
        assert "still owed" in await refused(handle, "close", {"by": "ann"})
        assert "by: Field required" in await refused(handle, "report_done", {})
        for update in DONE:
            await handle.execute_update(update, {"by": "ann", "note": "password=hunter2 was in it"})
        await handle.execute_update("rca_done", {"by": "ann", "note": "a typo in the image"})
        assert "done by ann" in await refused(handle, "rca_done", {"by": "bob", "note": "x"})
        for item in record.items:
            change = {"by": "ann", "id": item.id, "owner": "bob", "due": "2030-01-01T00:00:00Z"}
            await handle.execute_update("action_item", change)
        assert await handle.execute_update("close", {"by": "ann"}) == "closed by ann"
        closed = await handle.result()
        final = w.memory.evidence[closed.reports["md"]]
        kept = w.archive.follow_ups[closed.incident_id]
    assert "hunter2" not in closed.model_dump_json()
    assert "rca: done" in final
    assert "Closed at" in final
    assert kept == closed


async def test_only_those_that_deserve_it(temporal: Client) -> None:
    async with world(temporal, post_incident=QUIET) as w:
        healed = await w.report(w.cluster.deploy("plain", image="bad"), severity=Severity.MEDIUM)
        critical = await w.report(w.cluster.deploy("shop", image="bad"), severity=Severity.CRITICAL)
        plain, grave = await healed.result(), await critical.result()
        handle = follow_up_of(w, grave.incident_id)
        assert (await until(handle, lambda r: r.reports)).why == "its severity was critical"
        with pytest.raises(RPCError):
            await w.client.get_workflow_handle(workflow_id_of(plain.incident_id)).describe()
        await handle.execute_update("close", {"by": "ann", "waive": True, "reason": "a test"})
        await handle.result()


async def test_reminds_before_and_when_overdue_and_each_word_is_said_once(temporal: Client) -> None:
    rules = PostIncidentRules(due={**LATER, Duty.REPORT: 2.5}, remind_before=1, remind_every=1.5)
    async with world(temporal, "post-incident-overdue", post_incident=rules) as w:
        handle = await escalated(w)
        await until(handle, lambda r: len(r.told) >= 4)
        await handle.execute_update("report_done", {"by": "ann"})
        said = [(n.step, n.level) for n in w.on_call.calls]
        await asyncio.sleep(2)
        assert [(n.step, n.level) for n in w.on_call.calls] == said
        await handle.execute_update("close", {"by": "ann", "waive": True, "reason": "a test"})
        record = await handle.result()
    steps = [f"post-incident/report/{n}" for n in range(len(said))]
    assert said[:4] == list(zip(steps, ("L1", "L2", "L3", "L4"), strict=False))[:4]
    assert [t.who for t in record.told[:2]] == [["L1 on call"], ["L2 on call"]]


async def test_is_started_once_however_often_it_is_asked_for(temporal: Client) -> None:
    """An incident that found its follow-up started goes on."""
    async with world(temporal, autopilot=False, post_incident=QUIET) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"), severity=Severity.HIGH)
        status = await w.until(handle, "waiting_for_approval")
        early = await w.client.start_workflow(
            "PostIncident",
            {
                "incident_id": status.incident_id,
                "incident_workflow_id": handle.id,
                "target": status.target.model_dump(),
                "severity": "high",
                "outcome": "healed",
                "summary": "the first",
                "why": "somebody was faster",
                "ended_at": "2026-01-01T00:00:00Z",
                "rules": {"due": {"report": 10**9}},
            },
            id=workflow_id_of(status.incident_id),
            task_queue=w.queue,
        )
        await w.decide(handle)
        assert (await handle.result()).outcome is Outcome.HEALED
        record = await until(follow_up_of(w, status.incident_id), lambda r: True)
        assert record.why == "somebody was faster"
        await early.execute_update("close", {"by": "ann", "waive": True, "reason": "a test"})
        await early.result()


@pytest.mark.parametrize("start", [{}, None, "x", {"incident_id": "i", "carried": {}}])
async def test_bad_input_fails_at_once_with_the_reason(temporal: Client, start: Any) -> None:
    async with world(temporal) as w:
        handle = await w.client.start_workflow("PostIncident", start, id=f"bad-{w.queue}", task_queue=w.queue)
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(handle.result(), 20)
    assert getattr(failed.value.cause, "type", "") == "Invalid"


async def test_survives_restarts_of_worker_and_server(tmp_path: Path) -> None:
    """What is due while nobody is there is said once when they are back; nothing is said twice."""
    server = TemporalDevServer(tmp_path, search_attributes={str(a): "Keyword" for a in SearchAttribute})
    await asyncio.to_thread(server.start)
    rules = PostIncidentRules(due={**LATER, Duty.REPORT: 4}, remind_before=3, remind_every=600)
    try:
        client = await connect(address=server.address)
        w = World(client, "restarting", _quick(rules))
        async with _engine(w):
            handle = await escalated(w)
            await until(handle, lambda r: len(r.told) == 1)
            before = await handle.query(PostIncident.status)
        assert server.process is not None
        server.process.send(signal.SIGKILL)
        while server.running():
            await asyncio.sleep(0.05)
        await asyncio.sleep(4)  # the report becomes due
        await asyncio.to_thread(server.start)
        async with _engine(w):
            record = await until(handle, lambda r: len(r.told) == 2, 60)
            await handle.execute_update("report_done", {"by": "ann"})
            await handle.execute_update("close", {"by": "ann", "waive": True, "reason": "a test"})
            await asyncio.wait_for(handle.result(), 60)
        assert record.duties[Duty.REPORT].due_at == before.duties[Duty.REPORT].due_at
        assert [n.step for n in w.on_call.calls] == ["post-incident/report/0", "post-incident/report/1"]
    finally:
        await asyncio.to_thread(server.stop)


def _quick(rules: PostIncidentRules) -> Any:
    from tests.workflows.harness import QUICK

    return QUICK.model_copy(update={"post_incident": rules})


def _engine(w: World) -> Any:
    settings = Settings(autopilot=True, _env_file=None)
    return worker(w.client, settings, Role.ALL, w.options, w.ports, w.queue)
