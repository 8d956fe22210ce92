"""A person's word, and Temporal's own cancellation, take effect in every phase: nothing further is changed."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import Client

from suture.domain.diagnosis import Health
from suture.domain.stages import Outcome
from tests.workflows.harness import World, world


async def acted(w: World) -> None:
    """Wait until something was changed."""
    async with asyncio.timeout(15):
        while not w.cluster.applied:
            await asyncio.sleep(0.05)


async def test_escalate_while_verifying_takes_effect_at_once(temporal: Client) -> None:
    async with world(temporal, "stopped-verifying", stable_for=60, verify_timeout=120) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await acted(w)
        await w.decide(handle, "escalate")
        result = await asyncio.wait_for(handle.result(), 15)
    assert result.outcome is Outcome.ESCALATED
    assert "escalate by ann" in result.summary
    assert "what was done stays: undo the rollout" in result.summary
    assert w.cluster.image["web"] == "v0"


async def test_cancel_is_not_lost_when_the_history_is_cut(temporal: Client) -> None:
    async with world(temporal, stable_for=3, verify_timeout=120, max_reports_per_run=10, cooldown=2) as w:
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
        await acted(w)
        await handle.signal("cancel", {"by": "ann"})
        for _ in range(12):
            await w.report(target)
        result = await asyncio.wait_for(handle.result(), 15)
    assert "cancel by ann" in result.summary


async def test_cancel_between_two_tries_stops_the_plan(temporal: Client) -> None:
    """The second action of a plan is not begun once a person has said cancel."""
    async with world(temporal) as w:
        w.cluster.slow = 1
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        await asyncio.sleep(0.7)
        await w.decide(handle, "cancel")
        result = await asyncio.wait_for(handle.result(), 15)
    assert result.outcome is Outcome.ESCALATED
    assert len(w.cluster.applied) == 1  # not undone either: nothing further is changed


async def test_escalate_while_settling_ends_at_once_and_quietly(temporal: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("activities.detect.detect", always(Health.SETTLING))
    async with world(temporal, grace_limit=6) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "settling")
        await w.decide(handle, "escalate")
        result = await asyncio.wait_for(handle.result(), 3)
        events = [e async for e in handle.fetch_history_events()]
    assert "escalate by ann" in result.summary
    assert len(events) < 60


async def test_a_cancellation_in_temporal_ends_through_memorize(temporal: Client) -> None:
    async with world(temporal, "cancelled-in-temporal", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        await handle.cancel()
        result = await asyncio.wait_for(handle.result(), 10)
    assert result.outcome is Outcome.ESCALATED
    assert "cancel by" in result.summary
    assert w.memory.records[result.incident_id].outcome is Outcome.ESCALATED
    assert w.cluster.applied == []


async def test_a_cancellation_while_acting_does_not_lose_the_action(temporal: Client) -> None:
    async with world(temporal, "cancelled-acting") as w:
        w.cluster.slow = 1
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await asyncio.sleep(0.7)
        await handle.cancel()
        result = await asyncio.wait_for(handle.result(), 15)
    record = w.memory.records[result.incident_id]
    assert [len(a.receipts) for a in record.attempts] == [1]
    assert len(w.cluster.applied) == 1


def always(health: Health) -> Any:
    """A diagnosis that never gets any further."""
    from datetime import UTC, datetime

    from suture.domain.diagnosis import Detection

    def detect(*_: Any, **__: Any) -> Detection:
        return Detection(health=health, summary="as it is", recheck_seconds=1, observed_at=datetime.now(UTC))

    return detect
