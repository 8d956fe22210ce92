"""What is not certain is said, and never built upon: unclear states, unknown results, undos that fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client

from policies.routing import RoutingRules
from suture.domain.action import Action, Receipt
from suture.domain.decision import FallbackStep, Method
from suture.domain.diagnosis import Health
from suture.domain.errors import PreconditionFailed, Unavailable
from suture.domain.incident import IncidentStatus
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome
from suture.ports import JournalEntry
from tests.workflows.harness import world
from tests.workflows.test_stopping import always


async def test_an_unsure_detection_calls_a_person(temporal: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("activities.detect.detect", always(Health.UNSURE))
    async with world(temporal, "unsure") as w:
        result = await (await w.report(w.cluster.deploy("web"))).result()
    assert result.outcome is Outcome.ESCALATED


async def test_an_alert_resolved_while_settling_calls_nobody(temporal: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("activities.detect.detect", always(Health.SETTLING))
    async with world(temporal, "resolved-settling", grace_limit=30) as w:
        target = w.cluster.deploy("web")
        handle = await w.report(target)
        await w.until(handle, "settling")
        await w.report(target, ReportStatus.RESOLVED)
        result = await asyncio.wait_for(handle.result(), 10)
    assert result.outcome is Outcome.SELF_RESOLVED


async def test_a_steady_stream_of_reports_does_not_prolong_the_grace(
    temporal: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("activities.detect.detect", always(Health.SETTLING))
    async with world(temporal, grace_limit=3, max_reports_per_run=10, cooldown=60) as w:
        target = w.cluster.deploy("web")
        handle = await w.report(target)
        for _ in range(120):
            await w.report(target)
            await asyncio.sleep(0.08)
            status = await temporal.get_workflow_handle(handle.id).query("status", result_type=IncidentStatus)
            if status.outcome is not None:
                break
        else:
            pytest.fail("still settling")
        w.handles.clear()


async def test_a_storm_does_not_keep_verification_from_its_end(temporal: Client) -> None:
    async with world(temporal, stable_for=1.5, verify_timeout=20, max_reports_per_run=10) as w:
        target = w.cluster.deploy("web", image="bad")
        await w.report(target)
        for _ in range(60):
            await w.report(target)
            await asyncio.sleep(0.08)
            if w.memory.records and next(iter(w.memory.records.values())).outcome is not None:
                break
        else:
            pytest.fail("still verifying")
        w.handles.clear()


async def test_an_undo_that_fails_stops_the_engine(temporal: Client) -> None:
    """Nothing is tried on top of a change that could not be taken back."""
    async with world(temporal, "undo-failed") as w:
        applied = w.cluster.applied
        w.cluster.fails = lambda _: PreconditionFailed("changed by somebody else") if applied else None
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.ESCALATED
    assert result.summary.startswith("could not be undone: undo the rollout")
    assert record.attempts[0].undone == []


async def test_a_change_without_an_undo_is_not_called_undone(
    temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(temporal) as w:
        prepare = w.cluster.prepare

        async def without_undo(action: Action, key: str, dry_run: bool = False) -> Receipt:
            return (await prepare(action, key)).model_copy(update={"undo": [], "note": "hashes only"})

        monkeypatch.setattr(w.cluster, "prepare", without_undo)
        result = await (await w.report(w.cluster.deploy("web", image="bad", previous="worse"))).result()
    assert "could not be undone" in result.summary


@pytest.fixture
def short_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """One way to carry a plan out, with little time."""
    step = FallbackStep(method=Method.EXECUTE, timeout_seconds=0.3)
    rules = RoutingRules.load().model_copy(update={"fallback": [step]})
    monkeypatch.setattr(RoutingRules, "load", lambda: rules)


async def test_nothing_is_built_upon_an_action_without_an_answer(
    temporal: Client, short_chain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is made, but the journal cannot be closed for longer than anybody waits."""
    async with world(temporal, "answer-lost") as w:

        async def lost(key: str, receipt: Receipt | None, error: str = "") -> None:
            raise Unavailable("the database does not answer")

        monkeypatch.setattr(w.memory, "end_action", lost)
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        result = await asyncio.wait_for(handle.result(), 30)
    assert result.outcome is Outcome.ESCALATED
    assert "gave no answer" in result.summary
    assert len(w.cluster.applied) == 1


async def test_an_answer_that_was_lost_is_found_in_the_journal(
    temporal: Client, short_chain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The action is done and journalled, only nobody heard of it: it counts."""
    async with world(temporal, "answer-found", unreachable_after=1) as w:
        end, journal = w.memory.end_action, w.memory.journal

        async def unheard(key: str, receipt: Receipt | None, error: str = "") -> None:
            await end(key, receipt, error)
            raise Unavailable("the answer is lost")

        async def away(key: str) -> JournalEntry | None:
            if w.cluster.applied and activity.info().activity_type == "execute":
                raise Unavailable("the database does not answer")
            return await journal(key)

        monkeypatch.setattr(w.memory, "end_action", unheard)
        monkeypatch.setattr(w.memory, "journal", away)
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        result = await asyncio.wait_for(handle.result(), 30)
    assert result.outcome is Outcome.HEALED
    assert len(w.cluster.applied) == 1
