"""Waiting for one's turn: durable through restarts of worker and server, ended by a call, by a person or by the alert's end.

The governor is the real one, on a database file; the cluster is in memory.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from lab.temporal import TemporalDevServer
from suture.domain.action import Scale, UndoRollout
from suture.domain.governor import Standing, Switch, SwitchKind
from suture.domain.plan import Plan
from suture.domain.report import ReportStatus
from suture.domain.stages import Outcome
from suture.domain.visibility import SearchAttribute
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from tests.governor.turns import limits, turn
from tests.workflows.harness import World, world
from worker.connect import connect

SLOW = {"first_retry_seconds": 600, "last_retry_seconds": 600}  # only a call ends the waiting
ENDS = 60.0


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[SqlMemory]:
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/memory.db") as found:
        yield found


def governor(memory: SqlMemory, **changes: Any) -> SqlGovernor:
    return SqlGovernor(memory.database, limits(**{**SLOW, **changes}))


def switch(kind: SwitchKind, name: str = "") -> Switch:
    return Switch(kind=kind, name=name, by="ann", reason="because", since=datetime.now(UTC))


async def called(w: World, holders: list[str]) -> None:
    """What `suture resume` and a release do."""
    for holder in holders:
        await w.client.get_workflow_handle(holder).signal("turn")


async def occupy(w: World, name: str) -> str:
    """Another incident holds the object."""
    asked = turn("other", objects=[f"Deployment/shop/{name}"])
    await w.governor.admit(asked)
    return asked.holder


async def test_waits_for_the_holder_and_goes_on_when_called(temporal: Client, memory: SqlMemory) -> None:
    async with world(temporal, "waited-for-turn", governor=governor(memory)) as w:
        other = await occupy(w, "web")
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        status = await w.until(handle, "waiting_for_turn", ENDS)
        assert (status.outcome, w.cluster.applied) == (None, [])
        await called(w, await w.governor.release(other))
        result = await asyncio.wait_for(handle.result(), ENDS)
        record, found = await w.record(handle), await w.governor.overview("default")
    assert result.outcome is Outcome.HEALED
    assert any("in the hands of incident/default/shop/deployment/other" in e.text for e in record.timeline)
    assert (found.held, found.waiting) == ([], [])


async def test_a_resolved_alert_ends_the_waiting(temporal: Client, memory: SqlMemory) -> None:
    async with world(temporal, governor=governor(memory)) as w:
        await occupy(w, "web")
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
        await w.until(handle, "waiting_for_turn", ENDS)
        await w.report(target, ReportStatus.RESOLVED)
        result = await asyncio.wait_for(handle.result(), ENDS)
        found = await w.governor.overview("default")
    assert (result.outcome, w.cluster.applied, found.waiting) == (Outcome.SELF_RESOLVED, [], [])


@pytest.mark.parametrize("choice", ["escalate", "cancel"])
async def test_a_persons_word_ends_the_waiting(temporal: Client, memory: SqlMemory, choice: str) -> None:
    async with world(temporal, governor=governor(memory)) as w:
        await occupy(w, "web")
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_turn", ENDS)
        await w.decide(handle, choice)
        result = await asyncio.wait_for(handle.result(), ENDS)
        found = await w.governor.overview("default")
    assert f"{choice} by ann" in result.summary
    assert (result.outcome, w.cluster.applied, found.waiting) == (Outcome.ESCALATED, [], [])


async def test_a_plan_that_went_stale_while_waiting_is_made_anew(temporal: Client, memory: SqlMemory) -> None:
    async with world(temporal, governor=governor(memory)) as w:
        other = await occupy(w, "web")
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_turn", ENDS)
        w.cluster.image["web"] = "v1"  # somebody else has mended it
        await called(w, await w.governor.release(other))
        result = await asyncio.wait_for(handle.result(), ENDS)
        found = await w.governor.overview("default")
    assert (result.outcome, w.cluster.applied, found.held) == (Outcome.SELF_RESOLVED, [], [])


class Later:
    """The real governor, of which diagnosis saw nothing: the switch was thrown after it."""

    def __init__(self, inner: SqlGovernor) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def standing(self, *_: Any) -> Standing:
        return Standing()


async def test_a_freeze_asks_a_person_whose_word_lets_the_plan_pass(
    temporal: Client, memory: SqlMemory
) -> None:
    real = governor(memory)
    async with world(temporal, "frozen", governor=Later(real)) as w:
        await real.throw(switch(SwitchKind.FREEZE, "release"))
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        status = await w.until(handle, "waiting_for_approval", ENDS)
        assert status.approval is not None
        assert any("freeze release by ann" in r for r in status.approval.reasons)
        assert w.cluster.applied == []
        await w.decide(handle)
        result = await asyncio.wait_for(handle.result(), ENDS)
    assert result.outcome is Outcome.HEALED


class Between:
    """The real governor, on which somebody throws a switch right after the first change was admitted."""

    def __init__(self, inner: SqlGovernor, thrown: Switch) -> None:
        self._inner, self._thrown = inner, thrown
        self.done = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def admit(self, asked: Any) -> Any:
        answer = await self._inner.admit(asked)
        if not self.done:
            self.done = True
            await self._inner.throw(self._thrown)
        return answer


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Diagnosis plans two actions: the rollout back, and the size."""
    from activities import classify as module
    from suture.diagnosis.classify import classify as plain

    def longer(case: Any) -> Any:
        result = plain(case)
        found = []
        for h in result.hypotheses:
            plan = h.plan
            if plan and isinstance(plan.actions[0], UndoRollout):
                again = Scale(object=plan.actions[0].object, replicas=1)
                plan = Plan(actions=[*plan.actions, again], checks=plan.checks)
            found.append(h.model_copy(update={"plan": plan}))
        return result.model_copy(update={"hypotheses": found})

    monkeypatch.setattr(module, "classify", longer)


async def test_suture_stop_during_a_plan_stops_before_the_next_action(
    temporal: Client, memory: SqlMemory, two_steps: None
) -> None:
    real = governor(memory)
    async with world(temporal, "stopped-between", governor=Between(real, switch(SwitchKind.STOP))) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_turn", ENDS)
        assert [r.action.kind for r in w.cluster.applied] == ["undo_rollout"]
        held, waiting = await real.lift(SwitchKind.STOP, "", "ann")
        assert held
        await called(w, waiting)
        result = await asyncio.wait_for(handle.result(), ENDS)
    assert result.outcome is Outcome.HEALED
    assert [r.action.kind for r in w.cluster.applied] == ["undo_rollout", "scale"]


async def test_a_freeze_during_a_plan_asks_and_a_no_undoes_its_beginning(
    temporal: Client, memory: SqlMemory, two_steps: None
) -> None:
    real = governor(memory)
    async with world(temporal, "frozen-between", governor=Between(real, switch(SwitchKind.FREEZE, "x"))) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval", ENDS)
        assert [r.action.kind for r in w.cluster.applied] == ["undo_rollout"]
        await w.decide(handle, "escalate")
        result = await asyncio.wait_for(handle.result(), ENDS)
        found = await real.overview("default")
    assert result.outcome is Outcome.ESCALATED
    assert "what was done stays: undo the rollout" in result.summary
    assert found.held == []


async def test_a_stop_holds_back_the_undo_too(temporal: Client, memory: SqlMemory) -> None:
    real = governor(memory)
    async with world(temporal, governor=Between(real, switch(SwitchKind.STOP))) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        await w.until(handle, "waiting_for_turn", ENDS)
        assert w.cluster.image["web"] == "worse"
        _, waiting = await real.lift(SwitchKind.STOP, "", "ann")
        await called(w, waiting)
        await asyncio.wait_for(w.finished(handle), ENDS)
        record = await w.record(handle)
    assert w.cluster.image["web"] == "bad"
    assert len(record.attempts[0].undone) == 1


async def test_who_waits_for_the_incident_of_the_cause_holds_nothing(
    temporal: Client, memory: SqlMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from activities import classify as module
    from suture.domain.target import Target
    from tests.fakes import FakeIncidents

    monkeypatch.setattr(module, "shared_cause", lambda *_: Target(kind="Node", name="n1").ref)
    async with world(temporal, governor=governor(memory)) as w:
        assert isinstance(w.ports.incidents, FakeIncidents)
        w.ports.incidents.open = True
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "joined", ENDS)
        found = await w.governor.overview("default")
        assert (found.held, found.waiting) == ([], [])
        w.cluster.image["web"] = "v1"
        result = await asyncio.wait_for(handle.result(), ENDS)
    assert result.outcome is Outcome.SELF_RESOLVED


async def test_a_storm_of_reports_cuts_the_history_of_one_who_waits(
    temporal: Client, memory: SqlMemory
) -> None:
    async with world(temporal, "cut-waiting", governor=governor(memory), max_reports_per_run=20) as w:
        other = await occupy(w, "web")
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target)
        await w.until(handle, "waiting_for_turn", ENDS)
        for _ in range(30):
            await w.report(target)
        current = w.client.get_workflow_handle(handle.id)
        await w.until(current, "waiting_for_turn", ENDS)
        async with asyncio.timeout(ENDS):
            while (await current.describe()).run_id == handle.result_run_id:
                await asyncio.sleep(0.1)
        await w.until(current, "waiting_for_turn", ENDS)
        await called(w, await w.governor.release(other))
        result = await asyncio.wait_for(w.finished(handle), ENDS)
    assert (result.outcome, len(w.cluster.applied)) == (Outcome.HEALED, 1)


@pytest.mark.parametrize("why", ["wait", "stop", "freeze"])
@pytest.mark.timeout(240)
async def test_survives_a_restart_of_worker_and_server(tmp_path: Path, memory: SqlMemory, why: str) -> None:
    server = TemporalDevServer(tmp_path / "t", search_attributes={str(a): "Keyword" for a in SearchAttribute})
    await asyncio.to_thread(server.start)
    phase = "waiting_for_approval" if why == "freeze" else "waiting_for_turn"
    try:
        client = await connect(address=server.address)
        async with world(client, governor=governor(memory), approval_timeout=600) as w:
            if why == "wait":
                other = await occupy(w, "web")
            else:
                await w.governor.throw(switch(SwitchKind(why), "week" if why == "freeze" else ""))
            handle = await w.report(w.cluster.deploy("web", image="bad"))
            await w.until(handle, phase, ENDS)
            w.handles.clear()  # the history goes on elsewhere
        assert server.process is not None
        server.process.send(signal.SIGKILL)
        while server.running():
            await asyncio.sleep(0.05)
        await asyncio.to_thread(server.start)
        again = governor(memory)  # a process that starts knows nothing but the database
        async with world(client, governor=again, queue=w.queue, cluster=w.cluster) as v:
            await v.until(handle, phase, ENDS)
            assert w.cluster.applied == []
            if why == "wait":
                await called(v, await again.release(other))
            elif why == "stop":
                await called(v, (await again.lift(SwitchKind.STOP, "", "ann"))[1])
            else:
                await v.decide(handle)
            result = await asyncio.wait_for(handle.result(), ENDS)
            left = await again.overview("default")
        assert (result.outcome, len(w.cluster.applied)) == (Outcome.HEALED, 1)
        assert (left.held, left.waiting) == ([], [])
    finally:
        await asyncio.to_thread(server.stop)
