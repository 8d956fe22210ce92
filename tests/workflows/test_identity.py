"""Two incidents are never one: ids, idempotency keys and counts of what only looks the same."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from temporalio.client import Client

from suture.domain.action import Action, Receipt
from suture.domain.errors import PreconditionFailed
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome
from tests.fakes import FakeCounters
from tests.workflows.harness import world


async def test_trouble_that_comes_back_is_an_incident_of_its_own(temporal: Client) -> None:
    async with world(temporal, cooldown=1.5) as w:
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
        await w.until(handle, "cooldown")
        w.cluster.image["web"], w.cluster.previous["web"] = "bad", "v0"
        await w.report(target)
        await asyncio.wait_for(handle.result(), 30)
        w.handles.clear()
    assert sorted(r.outcome or "" for r in w.memory.records.values()) == [Outcome.HEALED, Outcome.HEALED]
    first, second = sorted(w.memory.records.values(), key=lambda r: r.timings.started_at)
    assert second.timings.started_at >= (first.timings.ended_at or second.timings.started_at)
    assert len(w.cluster.applied) == 2


async def test_new_trouble_after_an_escalation_is_not_swallowed(temporal: Client) -> None:
    """A person mends it, the alert ends, and within the cooldown something else breaks."""
    async with world(temporal, cooldown=2) as w:
        target = w.cluster.deploy("web", image="bad", previous="worse")
        handle = await w.report(target)
        await w.until(handle, "cooldown")
        w.cluster.image["web"] = "v1"
        await w.report(target, ReportStatus.RESOLVED)
        w.cluster.image["web"], w.cluster.previous["web"] = "bad", "v0"
        await w.report(target)
        await asyncio.wait_for(handle.result(), 30)
        w.handles.clear()
    assert sorted(str(r.outcome) for r in w.memory.records.values()) == ["escalated", "healed"]


async def test_an_echo_is_not_counted_as_a_second_incident(temporal: Client) -> None:
    async with world(temporal, cooldown=1) as w:
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
        await w.until(handle, "cooldown")
        await w.report(target)
        await handle.result()
    counters = cast(FakeCounters, w.ports.counters)
    assert len(counters.incidents) == 1
    assert next(iter(w.memory.records.values())).report_count == 2


async def test_a_plan_made_anew_acts_again_after_it_was_undone(temporal: Client, monkeypatch: Any) -> None:
    """The first action is done, the second finds its object changed: what follows must not pass for done already."""
    async with world(temporal, "overtaken") as w:
        _two_actions(monkeypatch)
        refused: list[Exception] = [PreconditionFailed("changed meanwhile")]
        w.cluster.fails = lambda a: refused.pop() if a.kind == "restart_rollout" and refused else None
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.HEALED
    assert [r.action.kind for r in w.cluster.applied] == [
        "undo_rollout", "undo_rollout", "undo_rollout", "restart_rollout",
    ]  # fmt: skip
    assert [(a.overtaken, len(a.receipts), len(a.undone)) for a in record.attempts] == [
        (True, 1, 1),
        (False, 2, 0),
    ]


def _two_actions(monkeypatch: Any) -> None:
    """Every plan gets a second action, and no precondition tells one making from the next (as for nodes)."""
    from activities import classify as module
    from suture.diagnosis.classify import classify as plain
    from suture.domain.action import Expect, RestartRollout
    from suture.domain.diagnosis import Classification, Hypothesis

    def more(h: Hypothesis) -> Hypothesis:
        if h.plan is None:
            return h
        actions: list[Action] = [a.model_copy(update={"expect": Expect()}) for a in h.plan.actions]
        actions.append(RestartRollout(object=actions[0].object))
        return h.model_copy(update={"plan": h.plan.model_copy(update={"actions": actions})})

    def classified(*args: Any, **kwargs: Any) -> Classification:
        found = plain(*args, **kwargs)
        return found.model_copy(update={"hypotheses": [more(h) for h in found.hypotheses]})

    monkeypatch.setattr(module, "classify", classified)


async def test_nobody_starts_an_incident_with_a_past(temporal: Client) -> None:
    """A made-up past would have its receipts "undone": changes that no policy has seen."""
    from temporalio.client import WorkflowFailureError

    from suture.domain.incident import IncidentStart

    async with world(temporal) as w:
        first = await w.report(w.cluster.deploy("web", image="bad"))
        await first.result()
        record = await w.record(first)
        record = record.model_copy(
            update={"outcome": None, "attempts": [record.attempts[0].model_copy(update={"verified": None})]}
        )
        handle = await temporal.start_workflow(
            "Incident", IncidentStart(target=record.target, carried=record, options=w.options),
            id=f"forged-{w.queue}", task_queue=w.queue,
        )  # fmt: skip
        try:
            await asyncio.wait_for(handle.result(), 10)
        except WorkflowFailureError as e:
            assert "past" in str(e.cause)
        else:
            raise AssertionError("it ran")
    assert isinstance(w.cluster.applied[0], Receipt)
    assert len(w.cluster.applied) == 1
