"""What is not certain is said, and never built upon: unclear states, unknown results, undos that fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import Client

from suture.domain.action import Action, Receipt
from suture.domain.diagnosis import Health
from suture.domain.errors import PreconditionFailed, Unavailable
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome
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


async def test_a_steady_stream_of_reports_does_not_prolong_the_grace(temporal: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("activities.detect.detect", always(Health.SETTLING))
    async with world(temporal, grace_limit=3, max_reports_per_run=10) as w:
        target = w.cluster.deploy("web")
        handle = await w.report(target)
        for _ in range(60):
            await w.report(target)
            await asyncio.sleep(0.08)
            if (await temporal.get_workflow_handle(handle.id).describe()).status != 1:
                break
        else:
            pytest.fail("still settling")
        w.handles.clear()


async def test_a_storm_does_not_keep_verification_from_its_end(temporal: Client) -> None:
    async with world(temporal, stable_for=1.5, verify_timeout=20, max_reports_per_run=10) as w:
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
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


async def test_a_change_without_an_undo_is_not_called_undone(temporal: Client) -> None:
    async with world(temporal) as w:
        prepare = w.cluster.prepare

        async def without_undo(action: Action, key: str, dry_run: bool = False) -> Receipt:
            return (await prepare(action, key)).model_copy(update={"undo": [], "note": "hashes only"})

        w.cluster.prepare = without_undo  # type: ignore[method-assign]
        result = await (await w.report(w.cluster.deploy("web", image="bad", previous="worse"))).result()
    assert "could not be undone" in result.summary


async def test_what_was_done_without_an_answer_is_known_again(temporal: Client) -> None:
    """The change is made, the answer is lost for longer than the chain waits: it is neither forgotten nor repeated."""
    async with world(temporal, "answer-lost", unreachable_after=0.5) as w:
        end = w.memory.end_action

        async def lost(key: str, receipt: Receipt | None, error: str = "") -> None:
            raise Unavailable("the database does not answer")

        w.memory.end_action = lost  # type: ignore[method-assign]
        shorten(w)
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        result = await asyncio.wait_for(handle.result(), 30)
        w.memory.end_action = end  # type: ignore[method-assign]
    assert result.outcome is Outcome.ESCALATED
    assert "gave no answer" in result.summary
    assert len(w.cluster.applied) == 1


def shorten(w: Any) -> None:
    """Nothing: the shipped chain takes its times."""


async def test_verification_calls_a_person_when_the_cluster_is_gone(temporal: Client) -> None:
    async with world(temporal, stable_for=0.5, verify_timeout=0.5, unreachable_after=1) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        async with asyncio.timeout(15):
            while not w.cluster.applied:
                await asyncio.sleep(0.01)
        w.cluster.away = True
        await w.until(handle, "running")
        with pytest.raises(TimeoutError):  # 61 s of its own come first
            await asyncio.wait_for(handle.result(), 1)
        await handle.terminate()
        w.handles.clear()
