"""Calls on a real Temporal server: level by level until somebody answers, acknowledges, or it is over; never for a storm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from suture.domain.escalation import Ladder
from suture.domain.incident import IncidentRecord
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome
from tests.workflows.harness import World, world
from tests.workflows.test_approvals import refused, say

HOPELESS: dict[str, Any] = {"image": "bad", "previous": "worse"}


def ladder(second: float = 1.0, third: float = 60.0, **more: Any) -> Ladder:
    levels = [
        {"name": "L1", "who": "on-call", "contacts": ["ann"]},
        {"name": "L2", "who": "manager", "after": second, "contacts": ["bob"]},
        {"name": "L3", "who": "CTO", "after": third, "contacts": ["cy"]},
    ]
    return Ladder.model_validate({"levels": levels, "look_every": 0.5, **more})


async def until_called(w: World, *ways: str, seconds: float = 15) -> None:
    """Wait until exactly these were told, in this order."""
    async with asyncio.timeout(seconds):
        while [way for way, _ in w.notifier.sent] != list(ways):
            await asyncio.sleep(0.05)


def called(w: World) -> list[str]:
    return [way for way, _ in w.notifier.sent]


async def escalated(w: World, **deploy: Any) -> WorkflowHandle[Any, Any]:
    handle = await w.report(w.cluster.deploy("web", **(deploy or HOPELESS)))
    await w.until(handle, "escalated")
    return handle


def heal(w: World) -> None:
    w.cluster.good["web"] = {w.cluster.image["web"]}


async def over(w: World, handle: WorkflowHandle[Any, Any]) -> IncidentRecord:
    await asyncio.wait_for(w.finished(handle), 20)
    return await w.record(handle)


async def test_a_question_goes_up_the_ladder_until_it_is_answered(temporal: Client) -> None:
    async with world(temporal, "called-and-answered", autopilot=False, ladder=ladder()) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await until_called(w, "ann", "bob")
        status = await w.until(handle, "waiting_for_approval")
        assert status.approval is not None and status.approval.level == "L2"
        await w.decide(handle)
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.HEALED
    assert called(w) == ["ann", "bob"]
    first, second = (message for _, message in w.notifier.sent)
    assert "a plan waits for approval" in first.subject
    assert f"suture approve {record.incident_id}" in first.body
    assert "undo the rollout of Deployment/shop/web" in first.body
    assert "L1 (on-call) at" in second.body and "told ann" in second.body
    assert record.escalation is not None and record.escalation.over == "the question is answered: approve"
    assert [t.result for t in record.escalation.told] == ["told ann", "told bob"]


async def test_nobody_answers_so_the_ladder_begins_again_about_the_end(temporal: Client) -> None:
    async with world(
        temporal, "expired-and-followed", autopilot=False, approval_timeout=1.5, ladder=ladder(1)
    ) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "escalated")
        await until_called(w, "ann", "bob", "ann", "bob")
        saved = w.memory.records[(await w.record(handle)).incident_id]
        assert saved.outcome is Outcome.ESCALATED  # remembered at once, not when it is over
        heal(w)
        record = await over(w, handle)
    assert "ended as escalated" in w.notifier.sent[2][1].subject
    assert "Called before" in w.notifier.sent[2][1].body
    assert record.timeline[-1].text == "nobody is called any more: the target is healthy again"


async def test_still_firing_the_next_level_is_called_and_told_what_was_tried(temporal: Client) -> None:
    async with world(temporal, "followed", ladder=ladder(1, 2)) as w:
        handle = await escalated(w)
        await until_called(w, "ann", "bob", "cy")
        body = w.notifier.sent[-1][1].body
        assert "Tried so far" in body and "undo the rollout of Deployment/shop/web" in body
        assert "L2 (manager) at" in body
        heal(w)
        record = await over(w, handle)
    assert record.over_at is not None
    assert w.memory.records[record.incident_id].over_at == record.over_at
    assert called(w) == ["ann", "bob", "cy"]


async def test_acknowledged_nobody_else_is_called_and_taken_back_it_goes_on(temporal: Client) -> None:
    async with world(temporal, "acknowledged", ladder=ladder(2)) as w:
        handle = await escalated(w)
        await until_called(w, "ann")
        assert "nobody has acknowledged" in await refused(handle, "ann", "unacknowledge")
        assert await say(handle, "ann", "acknowledge", reason="on it") == "acknowledge taken"
        assert "ann has acknowledged already" in await refused(handle, "ann", "acknowledge")
        await asyncio.sleep(3)
        assert called(w) == ["ann"]
        await handle.signal("unacknowledge", {"by": "ann", "reason": "my train"})
        await until_called(w, "ann", "ann", "bob")
        heal(w)
        record = await over(w, handle)
    assert [(v.choice, v.by) for v in record.votes] == [("acknowledge", "ann"), ("unacknowledge", "ann")]


async def test_an_acknowledgement_that_leads_to_nothing_runs_out(temporal: Client) -> None:
    async with world(temporal, ladder=ladder(1, ack_lasts=1.5)) as w:
        handle = await escalated(w)
        await until_called(w, "ann")
        await say(handle, "ann", "acknowledge")
        await until_called(w, "ann", "ann", "bob")
        texts = [e.text for e in (await w.record(handle)).timeline]
        assert any("ann has acknowledged, but it has not ended since" in t for t in texts)
        heal(w)
        await over(w, handle)


async def test_a_storm_joins_and_leads_neither_to_calls_nor_to_looks(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    async with world(
        temporal, "followed-storm", ladder=ladder(60, look_every=60), max_reports_per_run=100
    ) as w:
        handle = await escalated(w)
        await until_called(w, "ann")
        snapshot = w.cluster.snapshot

        async def counted(namespace: str, fresh: bool = False) -> Any:
            looks.append(namespace)
            return await snapshot(namespace, fresh)

        monkeypatch.setattr(w.cluster, "snapshot", counted)
        for _ in range(5):
            await asyncio.gather(*(w.report(w.cluster_target("web")) for _ in range(60)))
        handle = temporal.get_workflow_handle(handle.id)
        async with asyncio.timeout(20):
            while (await w.until(handle, "escalated")).report_count != 301:
                await asyncio.sleep(0.1)
        assert looks == []
        assert called(w) == ["ann"]
        assert len(w.memory.records) == 1
        await w.report(w.cluster_target("web"), ReportStatus.RESOLVED)
        result = await asyncio.wait_for(w.finished(handle), 20)
    assert result.report_count == 302
    assert called(w) == ["ann"]


async def test_after_it_was_over_a_new_fault_is_a_new_incident(temporal: Client) -> None:
    async with world(temporal, "followed-anew", ladder=ladder(), cooldown=1.5) as w:
        handle = await escalated(w)
        heal(w)
        await w.until(handle, "cooldown")
        w.cluster.good["web"] = {"worse"}
        await w.report(w.cluster_target("web"))
        result = await asyncio.wait_for(w.finished(handle), 20)
    assert result.outcome is Outcome.HEALED
    assert sorted(str(r.outcome) for r in w.memory.records.values()) == ["escalated", "healed"]


async def test_a_target_that_nobody_could_see_is_tried_anew_once_somebody_can(temporal: Client) -> None:
    async with world(temporal, "seen-again", ladder=ladder(60), unreachable_after=1) as w:
        target = w.cluster.deploy("web", image="bad")
        w.cluster.away = True
        handle = await w.report(target)
        await w.until(handle, "escalated")
        await until_called(w, "ann")
        w.cluster.away = False
        result = await asyncio.wait_for(w.finished(handle), 20)
    assert result.outcome is Outcome.HEALED


async def test_who_cancels_has_taken_it_on_and_may_close_it(temporal: Client) -> None:
    async with world(temporal, autopilot=False, ladder=ladder(1)) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await until_called(w, "ann")
        await say(handle, "zoe", "cancel")
        status = await w.until(handle, "escalated")
        await asyncio.sleep(1.5)
        assert called(w) == ["ann"]
        assert status.escalation is not None and status.escalation.acknowledged is not None
        assert status.escalation.acknowledged.by == "zoe"
        assert "has ended" in await refused(handle, "zoe", "approve")
        await say(handle, "zoe", "comment", reason="it is being replaced")
        await say(handle, "zoe", "cancel", reason="done")
        record = await over(w, handle)
    assert record.timeline[-1].text == "nobody is called any more: closed by zoe"


async def test_a_cancellation_in_temporal_ends_the_calls(temporal: Client) -> None:
    async with world(temporal, ladder=ladder(60)) as w:
        handle = await escalated(w)
        await handle.cancel()
        assert (await asyncio.wait_for(w.finished(handle), 20)).outcome is Outcome.ESCALATED


async def test_a_receiver_that_fails_is_tried_again_and_delays_no_answer(temporal: Client) -> None:
    async with world(temporal, autopilot=False, ladder=ladder(60)) as w:
        w.notifier.fails = {"ann": "ann: the chat is down"}
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        await asyncio.sleep(0.5)
        w.notifier.fails = {}
        await until_called(w, "ann")
        await w.decide(handle)
        assert (await handle.result()).outcome is Outcome.HEALED
    async with world(temporal, autopilot=False, ladder=ladder(60)) as w:
        w.notifier.fails = {"ann": "ann: the chat is down"}
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        await w.decide(handle)
        assert (await asyncio.wait_for(handle.result(), 10)).outcome is Outcome.HEALED
    assert called(w) == []


async def test_without_contacts_the_ladder_is_climbed_in_sight(temporal: Client) -> None:
    mute: Any = {"levels": [{"name": "L1", "who": "on-call"}, {"name": "L2", "after": 0.5}]}
    async with world(temporal, ladder=ladder(**mute)) as w:
        handle = await escalated(w)
        async with asyncio.timeout(10):
            while len((await w.record(handle)).escalation.told) < 2:  # type: ignore[union-attr]
                await asyncio.sleep(0.1)
        texts = [e.text for e in (await w.record(handle)).timeline]
        assert sum("the escalation file names no contacts" in t for t in texts) == 1
        assert "calls L1 (on-call)" in texts and "calls L2" in texts
        heal(w)
        await over(w, handle)
        events = [e async for e in handle.fetch_history_events()]
    assert not [
        e for e in events if e.activity_task_scheduled_event_attributes.activity_type.name == "notify"
    ]


async def test_a_calendar_works_inside_a_workflow(temporal: Client) -> None:
    always = {"zone": "Europe/Berlin", "windows": ["mon-sun 00:00-24:00"]}
    levels = [{"name": "L1", "contacts": ["ann"], "during": "always"}]
    async with world(temporal, ladder=ladder(levels=levels, calendars={"always": always})) as w:
        handle = await escalated(w)
        await until_called(w, "ann")
        heal(w)
        await over(w, handle)
