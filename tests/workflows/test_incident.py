"""The story of an incident on a real Temporal server, path by path, with an in-memory cluster."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from suture.domain.decision import Decision
from suture.domain.errors import Conflict, Forbidden
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome, Stage
from tests.workflows.harness import world

BAD: dict[str, Any] = {"image": "bad", "previous": "v0"}


async def test_heals_by_undoing_the_rollout(temporal: Client) -> None:
    async with world(temporal, "healed") as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.HEALED
    assert w.cluster.image["web"] == "v0"
    assert record.timeline[0].stage is Stage.DETECT
    assert list(dict.fromkeys(e.stage for e in record.timeline)) == list(Stage)
    assert set(record.timings.stage_seconds) == set(Stage)
    assert record.timings.seconds_to_heal is not None
    saved = w.memory.records[result.incident_id]
    assert saved.outcome is Outcome.HEALED
    assert len(saved.attempts[0].receipts) == 1


async def test_history_stays_short(temporal: Client) -> None:
    """Fewer events are what makes it fast: five remote activities, everything else local."""
    async with world(temporal, search_attributes=False) as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        await handle.result()
        events = [e async for e in handle.fetch_history_events()]
    assert len(events) <= 42


async def test_healthy_target_ends_untouched(temporal: Client) -> None:
    async with world(temporal, "healthy") as w:
        result = await (await w.report(w.cluster.deploy("web"))).result()
    assert result.outcome is Outcome.SELF_RESOLVED
    assert w.cluster.applied == []


async def test_no_action_on_a_resolved_alert(temporal: Client) -> None:
    async with world(temporal, "resolved") as w:
        target = w.cluster.deploy("web", **BAD)
        result = await (await w.report(target, ReportStatus.RESOLVED)).result()
    assert result.outcome is Outcome.SELF_RESOLVED
    assert w.cluster.applied == []


async def test_what_does_not_help_is_undone_and_a_person_called(temporal: Client) -> None:
    async with world(temporal, "undone") as w:
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.ESCALATED
    assert w.cluster.image["web"] == "bad"
    attempt = record.attempts[0]
    assert attempt.verified is False
    assert [r.action.kind for r in attempt.undone] == ["undo_rollout"]
    assert "tried:" in result.summary


async def test_approval_by_update_is_in_history_and_memory(temporal: Client) -> None:
    async with world(temporal, "approved", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        status = await w.until(handle, "waiting_for_approval")
        assert w.cluster.applied == []
        assert status.approval is not None
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await w.decide(handle, plan_hash="stale")
        assert "the plan has changed" in str(refused.value.cause)
        assert await w.decide(handle, plan_hash=status.approval.plan_hash) == "approve taken"
        result = await handle.result()
    assert result.outcome is Outcome.HEALED
    decision = w.memory.records[result.incident_id].attempts[0].decision
    assert decision is not None
    assert (decision.by, decision.reason) == ("ann", "because")
    assert decision.at is not None


async def test_approval_by_signal_as_the_plain_cli_sends_it(temporal: Client) -> None:
    async with world(temporal, "approved-by-signal", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        await handle.signal("approve", {"by": "early bird"})
        await w.until(handle, "waiting_for_approval")
        await handle.signal("approve", {"by": "bob", "reason": "go"})
        result = await handle.result()
        timeline = (await w.record(handle)).timeline
    assert result.outcome is Outcome.HEALED
    assert any("early bird has no effect" in e.text for e in timeline)


@pytest.mark.parametrize(
    ("choice", "words"),
    [("reject", "nothing left"), ("escalate", "escalate by ann"), ("cancel", "cancel by ann")],
)
async def test_a_no_changes_nothing(temporal: Client, choice: str, words: str) -> None:
    async with world(temporal, f"said-{choice}", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        await w.until(handle, "waiting_for_approval")
        await w.decide(handle, choice)
        while (status := await w.until_or_ended(handle)) is not None:
            assert status.phase == "waiting_for_approval"
            await w.decide(handle, choice)
        result = await handle.result()
    assert result.outcome is Outcome.ESCALATED
    assert words in result.summary
    assert w.cluster.applied == []


async def test_unanswered_approval_is_a_no(temporal: Client) -> None:
    async with world(temporal, "expired", autopilot=False, approval_timeout=0.5) as w:
        result = await (await w.report(w.cluster.deploy("web", **BAD))).result()
    assert result.outcome is Outcome.ESCALATED
    assert "nobody answered" in result.summary
    assert w.cluster.applied == []


async def test_alert_resolved_while_a_person_is_asked(temporal: Client) -> None:
    async with world(temporal, "resolved-meanwhile", autopilot=False) as w:
        target = w.cluster.deploy("web", **BAD)
        handle = await w.report(target)
        await w.until(handle, "waiting_for_approval")
        await w.report(target, ReportStatus.RESOLVED)
        result = await handle.result()
    assert result.outcome is Outcome.SELF_RESOLVED
    assert w.cluster.applied == []


async def test_a_plan_that_went_stale_while_waiting_is_made_anew(temporal: Client) -> None:
    async with world(temporal, "stale", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", **BAD))
        await w.until(handle, "waiting_for_approval")
        w.cluster.image["web"] = "v1"
        await w.decide(handle)
        result = await handle.result()
    assert result.outcome is Outcome.SELF_RESOLVED
    assert w.cluster.applied == []


async def test_a_storm_is_one_incident_with_bounded_history(temporal: Client) -> None:
    async with world(temporal, "storm", autopilot=False, max_reports_per_run=100) as w:
        target = w.cluster.deploy("web", **BAD)
        first = await w.report(target)
        for _ in range(10):
            await asyncio.gather(*(w.report(target) for _ in range(100)))
        status = await w.until(first, "waiting_for_approval")
        for _ in range(50):
            if status.report_count == 1001:
                break
            await asyncio.sleep(0.1)
            status = await w.until(first, "waiting_for_approval")
        assert status.report_count == 1001
        current = await first.describe()
        assert current.history_length < 2000
        handle = temporal.get_workflow_handle(first.id)
        await w.decide(handle)
        assert (await w.finished(handle)).outcome is Outcome.HEALED
    assert len(w.cluster.applied) == 1
    assert len(w.memory.records) == 1


async def test_an_echo_in_the_cooldown_joins(temporal: Client) -> None:
    async with world(temporal, "echo", cooldown=1.5) as w:
        target = w.cluster.deploy("web", **BAD)
        handle = await w.report(target)
        await w.until(handle, "cooldown")
        again = await w.report(target)
        result = await handle.result()
    assert again.id == handle.id
    assert result.report_count == 2
    assert len(w.memory.records) == 1
    assert len(w.cluster.applied) == 1


async def test_an_unreachable_cluster_ends_in_an_escalation(temporal: Client) -> None:
    async with world(temporal, "unreachable") as w:
        target = w.cluster.deploy("web", **BAD)
        w.cluster.away = True
        result = await (await w.report(target)).result()
    assert result.outcome is Outcome.ESCALATED
    assert "does not answer" in result.summary


async def test_a_cluster_that_comes_back_is_healed(temporal: Client) -> None:
    async with world(temporal, unreachable_after=30) as w:
        target = w.cluster.deploy("web", **BAD)
        w.cluster.away = True
        handle = await w.report(target)
        await asyncio.sleep(0.6)
        w.cluster.away = False
        assert (await handle.result()).outcome is Outcome.HEALED


async def test_a_missing_permission_is_named(temporal: Client) -> None:
    async with world(temporal, "forbidden") as w:
        w.cluster.fails = lambda _: Forbidden("needs patch on deployments in shop")
        result = await (await w.report(w.cluster.deploy("web", **BAD))).result()
    assert result.outcome is Outcome.ESCALATED
    assert "needs patch on deployments in shop" in result.summary


async def test_a_conflict_makes_the_plan_anew(temporal: Client) -> None:
    conflicts = [Conflict("changed meanwhile")] * 3
    async with world(temporal, "conflict") as w:
        w.cluster.fails = lambda _: conflicts.pop() if conflicts else None
        result = await (await w.report(w.cluster.deploy("web", **BAD))).result()
    assert result.outcome is Outcome.HEALED
    assert len(w.cluster.applied) == 1


async def test_slow_execution_falls_back_without_doing_it_twice(temporal: Client) -> None:
    """The first way has 5 s; the second finds the journal entry of the first and does not change anything again."""
    async with world(temporal) as w:
        w.cluster.slow = 0.3
        result = await (await w.report(w.cluster.deploy("web", **BAD))).result()
    assert result.outcome is Outcome.HEALED
    assert len(w.cluster.applied) == 1


async def test_memory_away_delays_but_never_loses(temporal: Client) -> None:
    async with world(temporal, "memory-away", unreachable_after=30) as w:
        w.memory.away = True
        handle = await w.report(w.cluster.deploy("web", **BAD))
        await asyncio.sleep(1)
        w.memory.away = False
        began = time.monotonic()
        assert (await handle.result()).outcome is Outcome.HEALED
        assert time.monotonic() - began < 60
    assert len(w.memory.records) == 1


async def test_started_by_hand_with_a_target_only(temporal: Client) -> None:
    async with world(temporal, "by-hand") as w:
        target = w.cluster.deploy("web", **BAD)
        handle = await temporal.start_workflow(
            "Incident",
            {"target": target.model_dump(), "summary": "looks broken"},
            id=f"hand-{w.queue}",
            task_queue=w.queue,
        )
        w.handles.append(handle)
        result = await handle.result()
    assert result["outcome"] == "healed"
    assert result["report_count"] == 1


async def test_a_decision_needs_a_name() -> None:
    with pytest.raises(ValueError, match="by"):
        Decision(by="")
