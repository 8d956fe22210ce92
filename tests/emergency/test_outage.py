"""Mass outage on a real Temporal server with the real governor: stop, call, look, restore in order, end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client

from suture.domain.emergency import OutageStart, OutageStatus
from suture.domain.errors import Conflict, Forbidden
from suture.domain.governor import AdmissionState, Switch, SwitchKind, Turn
from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.ingest.emergency import begin_outage, on_storm
from tests.emergency.engines import Engine, opened, refused, running, until

pytestmark = pytest.mark.temporal
GROUPS = [
    {"name": "database", "targets": ["Deployment/shop/db"]},
    {"name": "caches", "targets": ["Deployment/shop/redis", "Deployment/shop/sessions"]},
    {"name": "gateway", "targets": ["Deployment/shop/gateway"]},
]
GUIDED = [{"name": "restore-database", "title": "Restore it", "commands": ["pg_restore latest"]}]
NAMES = ("db", "redis", "sessions", "gateway")
YES = {"by": "ann", "reason": "go"}


def deploy(engine: Engine) -> None:
    for name in NAMES:
        engine.cluster.deploy(name)


def state_of(state: OutageStatus, group: str) -> str:
    return next(g.state for g in state.groups if g.name == group)


def is_healthy(group: str) -> Callable[[OutageStatus], bool]:
    return lambda state: state_of(state, group) == "healthy"


def restarted(engine: Engine) -> list[str]:
    assert {r.action.kind for r in engine.cluster.applied} <= {"restart_rollout"}
    return [r.action.object.name for r in engine.cluster.applied]


async def acting(engine: Engine, by_person: bool) -> AdmissionState:
    """What the governor would say to an incident now."""
    target = Target(cluster=engine.name, namespace="shop", kind="Deployment", name="web")
    turn = Turn(
        holder=f"incident/{by_person}",
        incident_id="i",
        target=target,
        severity=Severity.HIGH,
        kinds=["scale"],
        objects=[target.ref],
        by_person=by_person,
    )
    state: AdmissionState = (await engine.governor.admit(turn)).state
    await engine.governor.release(turn.holder)
    return state


async def test_nothing_acts_and_everybody_is_called(temporal: Client, tmp_path: Path) -> None:
    dependencies = [
        {"name": "payments", "url": "https://payments.example"},
        {"name": "mail", "url": "http://m"},
    ]
    async with running(temporal, tmp_path, dependencies=dependencies, guided=GUIDED) as engine:
        deploy(engine)
        engine.cluster.image["db"] = "broken"
        engine.prober.away.add("mail")
        handle = await engine.begin("MassOutage", reason="the power is gone")
        state = await until(handle, OutageStatus, lambda s: len(s.called) == 4 and s.survey)
        assert state.called == {level: [f"{level} on call"] for level in ("L1", "L2", "L3", "L4")}
        assert await acting(engine, by_person=True) is AdmissionState.STOPPED
        assert state.survey.not_running == 1
        assert "ImagePullBackOff" in state.survey.pods_not_running["shop"][0]
        assert [d.ok for d in state.survey.dependencies] == [True, False]
        engine.cluster.image["db"] = "v1"
        await until(handle, OutageStatus, lambda s: s.survey.not_running == 0)
        assert "names nothing to restore" in await refused(handle, "restore", YES)
        assert "there is no step lunch" in await refused(handle, "confirm", {"by": "ann", "step": "lunch"})
        assert "done by ann" in await handle.execute_update(
            "confirm", {"by": "ann", "step": "restore-database"}
        )
        assert "was done by ann" in await refused(
            handle, "confirm", {"by": "bob", "step": "restore-database"}
        )
        await handle.execute_update("end", {"by": "bob", "reason": "false alarm"})
        await handle.result()
        assert await acting(engine, by_person=False) is AdmissionState.GRANTED
        story = await engine.story(handle)
    assert [(c.changed_by, c.target) for c in story.changes] == [
        ("ann", "governor/stop/mass-outage"),
        ("bob", "governor/freeze/mass-outage"),
        ("bob", "governor/stop/mass-outage"),
    ]
    assert engine.cluster.applied == []
    assert story.record is not None
    assert "false alarm" in " ".join(e.text for e in story.record.timeline)


async def test_services_come_back_in_order_each_at_a_persons_word(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path, "mass-outage", restore=GROUPS) as engine:
        deploy(engine)
        handle = await engine.begin("MassOutage")
        await until(handle, OutageStatus, lambda s: s.groups)
        assert "the next group is database" in await refused(handle, "restore", {**YES, "group": "gateway"})
        for number, group in enumerate(("database", "caches", "gateway")):
            assert len(restarted(engine)) == (0, 1, 3)[number]
            assert await handle.execute_update("restore", YES) == f"{group} is approved"
            state = await until(handle, OutageStatus, is_healthy(group))
            assert state.phase == "restoring"
            await asyncio.sleep(0.7)  # nothing goes on without a word
        assert restarted(engine) == list(NAMES)
        assert await acting(engine, by_person=False) is AdmissionState.ASK
        assert await acting(engine, by_person=True) is AdmissionState.GRANTED
        assert "nothing is left to restore" in await refused(handle, "restore", YES)
        await handle.execute_update("end", {"by": "ann", "reason": "all is back"})
        await handle.result()
        assert await acting(engine, by_person=False) is AdmissionState.GRANTED
        story = await engine.story(handle)
    assert story.incident.outcome == "healed"
    assert len(story.actions) == 4
    assert story.record is not None
    assert [a.verified for a in story.record.attempts] == [True] * 3


async def test_a_group_that_does_not_come_back_waits_for_a_person(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path, "mass-outage-failed", restore=GROUPS, verify_seconds=1) as engine:
        deploy(engine)
        engine.cluster.image["db"] = "broken"
        handle = await engine.begin("MassOutage")
        await until(handle, OutageStatus, lambda s: s.groups)
        await handle.execute_update("restore", {**YES, "everything": True})
        state = await until(handle, OutageStatus, lambda s: state_of(s, "database") == "failed")
        assert "Deployment/shop/db" in state.groups[0].said
        await asyncio.sleep(1)
        assert restarted(engine) == ["db"]
        assert "mass-outage/database/1" in [c.step for c in engine.on_call.calls]
        engine.cluster.image["db"] = "v1"
        await handle.execute_update("restore", {**YES, "everything": True})
        await until(handle, OutageStatus, lambda s: all(g.state == "healthy" for g in s.groups))
        assert restarted(engine) == ["db", *NAMES]
        await handle.execute_update("end", {"by": "ann"})
        await handle.result()


async def test_what_guardrails_forbid_is_not_restarted(temporal: Client, tmp_path: Path) -> None:
    groups = [{"name": "system", "targets": ["Deployment/kube-system/coredns"]}, GROUPS[2]]
    async with running(temporal, tmp_path, restore=groups) as engine:
        deploy(engine)
        handle = await engine.begin("MassOutage")
        await until(handle, OutageStatus, lambda s: s.groups)
        await handle.execute_update("restore", YES)
        state = await until(handle, OutageStatus, lambda s: state_of(s, "system") == "failed")
        assert "protected namespace" in state.groups[0].said
        assert await handle.execute_update("restore", {**YES, "skip": True}) == "system is skipped"
        await handle.execute_update("restore", YES)
        await until(handle, OutageStatus, lambda s: state_of(s, "gateway") == "healthy")
        assert restarted(engine) == ["gateway"]
        await handle.execute_update("end", {"by": "ann"})
        await handle.result()


async def test_survives_a_restart_of_the_worker_in_the_middle(temporal: Client, tmp_path: Path) -> None:
    async with opened(temporal, tmp_path, restore=GROUPS, stable_for=2) as engine:
        deploy(engine)
        handle = await engine.begin("MassOutage")
        async with engine.worker():
            await until(handle, OutageStatus, lambda s: s.groups)
            await handle.execute_update("restore", {**YES, "everything": True})
            await until(handle, OutageStatus, lambda s: state_of(s, "caches") == "verifying")
        assert (await engine.standing()).frozen
        async with engine.worker():
            await until(handle, OutageStatus, lambda s: all(g.state == "healthy" for g in s.groups), 60)
            await handle.execute_update("end", {"by": "ann"})
            await handle.result()
    assert restarted(engine) == list(NAMES)


async def test_nobody_who_can_be_called_stops_nothing(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path, restore=GROUPS[:1]) as engine:
        deploy(engine)
        engine.on_call.away = True
        handle = await engine.begin("MassOutage")
        await until(handle, OutageStatus, lambda s: s.groups)
        await handle.execute_update("restore", YES)
        await until(handle, OutageStatus, lambda s: state_of(s, "database") == "healthy")
        await handle.execute_update("end", {"by": "ann"})
        ended = await asyncio.wait_for(handle.result(), 20)
    assert "who was not reached" in " ".join(e["text"] for e in ended["record"]["timeline"])


async def test_the_storm_breaker_enters_it_once(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path) as engine:
        storm = Switch(
            kind=SwitchKind.STORM, by="the breaker", reason="99 incidents", since=datetime.now(UTC)
        )
        enter = on_storm(temporal, engine.name, engine.queue)
        await enter(storm)
        await enter(storm)
        handle = temporal.get_workflow_handle(f"mass-outage/{engine.name}")
        engine.handles.append(handle)
        state = await until(handle, OutageStatus, lambda s: s.survey)
        assert (state.by, state.reason) == ("the breaker", "99 incidents")
        with pytest.raises(Conflict):
            await begin_outage(temporal, OutageStart(cluster=engine.name, by="ann", reason="x"), engine.queue)
        await handle.execute_update("end", {"by": "ann"})
        await handle.result()


async def test_errors_of_the_cluster_are_said_not_raised(temporal: Client, tmp_path: Path) -> None:
    async with running(temporal, tmp_path, restore=GROUPS[:1]) as engine:
        deploy(engine)
        engine.cluster.away = True
        handle = await engine.begin("MassOutage")
        state = await until(handle, OutageStatus, lambda s: s.survey)
        assert "cannot be read" in state.survey.problem
        engine.cluster.away = False
        engine.cluster.fails = lambda _: Forbidden("the engine may not restart it")
        await handle.execute_update("restore", YES)
        state = await until(handle, OutageStatus, lambda s: state_of(s, "database") == "failed")
        assert "may not restart it" in state.groups[0].said
        await handle.execute_update("end", {"by": "ann"})
        await handle.result()
