"""The governor's decisions as they stand in a real database: durable, counted once, and the same after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from suture.domain.governor import AdmissionState, Switch, SwitchKind
from suture.domain.stages import Severity
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from suture.memory.tables import Incident
from tests.governor.turns import after, limits, turn
from tests.memory.samples import record

GRANTED, WAIT, ASK, STOPPED = AdmissionState


class Office:
    """Governors over one database with a clock that a test sets; each `open` is a new process as far as memory goes."""

    def __init__(self, memory: SqlMemory) -> None:
        self.memory, self.seconds = memory, 0.0
        self.storms: list[Switch] = []

    def now(self) -> datetime:
        return after(self.seconds)

    async def told(self, storm: Switch) -> None:
        self.storms.append(storm)

    def open(self, **changes: Any) -> SqlGovernor:
        return SqlGovernor(self.memory.database, limits(**changes), self.told, self.now)

    def switch(self, kind: SwitchKind, name: str = "", **more: Any) -> Switch:
        return Switch(kind=kind, name=name, by="ann", reason="because", since=self.now(), **more)

    async def incidents(self, count: int, at: float, start: int = 0) -> None:
        for n in range(start, start + count):
            await self.memory.open_incident(record(f"i{n}"))
            made = update(Incident).where(Incident.incident_id == f"i{n}").values(created_at=after(at))
            await self.memory.database.write(lambda c, made=made: c.execute(made))  # type: ignore[misc]


@pytest.fixture
async def office(memory: SqlMemory) -> AsyncIterator[Office]:
    yield Office(memory)


async def state(governor: SqlGovernor, *asked: Any, **more: Any) -> AdmissionState:
    return (await governor.admit(turn(*asked, **more))).state


async def test_asking_again_changes_nothing(office: Office) -> None:
    governor = office.open(rates=[{"per": "target", "at_most": 2, "seconds": 60}])
    for step in (0, 0, 1, 1, 0):
        assert await state(governor, "web", kinds=["scale", "scale"], step=step) is GRANTED
    found = await governor.overview("default")
    assert [(r.limit, r.used, r.at_most) for r in found.rates] == [
        ("target default/Deployment/shop/web", 2, 2)
    ]
    assert (found.budget_used, len(found.held), found.waiting) == (2, 1, [])


async def test_the_turn_goes_to_the_most_severe_then_the_oldest(office: Office) -> None:
    governor = office.open(concurrency={"total": 1, "per_namespace": 1})
    assert await state(governor, "first") is GRANTED
    order = [
        ("old", Severity.MEDIUM),
        ("low", Severity.LOW),
        ("young", Severity.MEDIUM),
        ("critical", Severity.CRITICAL),
    ]
    for name, severity in order:
        office.seconds += 1
        assert await state(governor, name, severity) is WAIT
    holder, seen = turn("first").holder, []
    for _ in order:
        [holder] = await governor.release(holder)
        seen.append(holder.rpartition("/")[2])
        severity = dict(order)[seen[-1]]
        others = [n for n, _ in order if n not in seen]
        assert [await state(governor, n, dict(order)[n]) for n in others] == [WAIT] * len(others)
        assert await state(governor, seen[-1], severity) is GRANTED
    assert seen == ["critical", "old", "young", "low"]


async def test_rate_limits_survive_a_restart(office: Office, url: str) -> None:
    rates = [{"per": "object", "at_most": 2, "seconds": 60}]
    for n in range(2):
        governor = office.open(rates=rates)
        assert await state(governor, f"a{n}", objects=["Node/n1"]) is GRANTED
        await governor.release(turn(f"a{n}").holder)
        office.seconds += 10
    async with await SqlMemory.connect(url) as again:
        restarted = Office(again)
        restarted.seconds = office.seconds
        governor = restarted.open(rates=rates)
        admission = await governor.admit(turn("a2", objects=["Node/n1"]))
        assert (admission.state, admission.retry_seconds) == (WAIT, 40)
        restarted.seconds = 60.5
        assert await state(governor, "a2", objects=["Node/n1"]) is GRANTED
        assert await state(governor, "a3", objects=["Node/n1"]) is WAIT


async def test_stackstorm_rates_per_host_and_per_workflow(office: Office) -> None:
    """At most one reboot-like action a host in an hour, whichever workflow asks; and at most three of a workflow."""
    rates = [
        {"per": "object", "only": ["Node"], "at_most": 1, "seconds": 3600},
        {"per": "target", "at_most": 3, "seconds": 3600},
    ]
    governor = office.open(rates=rates)
    assert await state(governor, "a", kinds=["cordon"], objects=["Node/n1"]) is GRANTED
    await governor.release(turn("a").holder)
    assert await state(governor, "b", kinds=["cordon"], objects=["Node/n1"]) is WAIT
    assert await state(governor, "b", kinds=["cordon"], objects=["Node/n2"]) is GRANTED
    await governor.release(turn("b").holder)
    for number in (3, 4):
        node, plan = [f"Node/n{number}"], f"{number}/p"
        assert await state(governor, "b", kinds=["cordon"], objects=node, plan=plan) is GRANTED
        await governor.release(turn("b").holder)
    assert await state(governor, "b", kinds=["cordon"], objects=["Node/n5"], plan="5/p") is WAIT
    assert await state(governor, "c", kinds=["cordon"], objects=["Node/n5"]) is GRANTED


async def test_medik8s_storm_cooldown_duration(office: Office) -> None:
    """A storm stops remediation, which begins again only some time after the storm is over; a person is called once."""
    governor = office.open(storm={"incidents": 3, "within_seconds": 100, "cooldown_seconds": 50})
    await office.incidents(3, at=0)
    office.seconds = 1
    assert await state(governor, "web") is GRANTED
    await office.incidents(1, at=10, start=3)
    office.seconds = 11
    standings = await asyncio.gather(*(governor.standing("default", "shop", office.now()) for _ in range(5)))
    assert all(s.storm for s in standings)
    assert [await state(governor, f"w{n}") for n in range(3)] == [ASK] * 3
    assert await state(governor, "approved", by_person=True) is GRANTED
    office.seconds = 149  # the first has left the window at 100: fewer than the limit, but the cooldown runs
    assert await state(governor, "w0") is ASK
    assert len(office.storms) == 1
    assert "more than 3 incidents" in office.storms[0].reason
    office.seconds = 151
    assert await state(governor, "w0") is GRANTED


async def test_a_person_may_declare_a_storm_to_be_over(office: Office) -> None:
    governor = office.open(storm={"incidents": 3, "within_seconds": 100, "cooldown_seconds": 50})
    await office.incidents(5, at=0)
    office.seconds = 1
    assert await state(governor, "web") is ASK
    assert (await governor.lift(SwitchKind.STORM, "", "ann"))[0] is True
    office.seconds = 2
    assert await state(governor, "web") is GRANTED
    await office.incidents(4, at=3, start=5)
    office.seconds = 4
    assert await state(governor, "w2") is ASK
    assert len(office.storms) == 2


async def test_medik8s_pause_requests(office: Office) -> None:
    """Several may pause remediation, each for its own reason: it goes on when the last has taken its request back."""
    governor = office.open()
    await governor.throw(office.switch(SwitchKind.FREEZE, "upgrade"))
    await governor.throw(office.switch(SwitchKind.FREEZE, "audit", until=after(100)))
    assert await state(governor, "web") is ASK
    assert (await governor.lift(SwitchKind.FREEZE, "upgrade", "bob"))[0] is True
    assert (await governor.lift(SwitchKind.FREEZE, "upgrade", "bob"))[0] is False
    admission = await governor.admit(turn("web"))
    assert (admission.state, len(admission.reasons)) == (ASK, 1)
    assert "audit by ann" in admission.reasons[0]
    assert await state(governor, "web", by_person=True) is GRANTED
    office.seconds = 100
    assert await state(governor, "other") is GRANTED


async def test_the_stop_holds_back_everything_between_two_actions_too(office: Office) -> None:
    governor = office.open()
    two = {"kinds": ["scale", "scale"]}
    assert await state(governor, "web", **two, step=0) is GRANTED
    await governor.throw(office.switch(SwitchKind.STOP))
    assert await state(governor, "web", **two, step=1) is STOPPED
    assert await state(governor, "web", undo=True) is STOPPED
    assert await state(governor, "new", by_person=True) is STOPPED
    assert await governor.release(turn("none").holder) == []
    held, called = await governor.lift(SwitchKind.STOP, "", "ann")
    assert (held, set(called)) == (True, {turn("web").holder, turn("new").holder})
    assert await state(governor, "web", **two, step=1) is GRANTED
    assert await state(governor, "web", undo=True) is GRANTED
    assert await state(governor, "new", by_person=True) is GRANTED
    found = await governor.overview("default")
    assert (found.budget_used, len(found.held)) == (2, 2)


async def test_what_a_plan_did_not_come_to_is_given_back(office: Office) -> None:
    governor = office.open(rates=[{"per": "kind", "at_most": 3, "seconds": 60}])
    assert await state(governor, "web", kinds=["scale"] * 3) is GRANTED
    assert await state(governor, "api") is WAIT
    assert await governor.release(turn("web").holder) == [turn("api").holder]
    assert await state(governor, "api", kinds=["scale"] * 2) is GRANTED
    assert await state(governor, "db") is WAIT


async def test_after_a_change_others_leave_the_object_alone_for_a_while(office: Office) -> None:
    governor = office.open(cooldown_seconds=20)
    assert await state(governor, "a", objects=["Deployment/shop/x"]) is GRANTED
    await governor.release(turn("a").holder)
    assert (
        await state(governor, "a", objects=["Deployment/shop/x"], plan="1/q") is GRANTED
    )  # the same incident goes on
    await governor.release(turn("a").holder)
    office.seconds = 5
    admission = await governor.admit(turn("b", objects=["Deployment/shop/x"]))
    assert (admission.state, admission.retry_seconds) == (WAIT, 15)
    office.seconds = 20.5
    assert await state(governor, "b", objects=["Deployment/shop/x"]) is GRANTED


async def test_the_days_budget_asks_when_it_is_used_up(office: Office) -> None:
    governor = office.open(daily_budget=2)
    assert await state(governor, "a", kinds=["scale", "scale"]) is GRANTED
    assert await state(governor, "a", kinds=["scale", "scale"], step=1) is GRANTED
    assert await state(governor, "b") is ASK
    assert (await governor.standing("default", "shop", office.now())).exhausted
    assert await state(governor, "b", by_person=True) is GRANTED
    office.seconds = 86_401
    assert await state(governor, "c") is GRANTED


async def test_a_dead_holder_is_found_by_its_lease_and_a_new_incident_takes_its_place_at_once(
    office: Office,
) -> None:
    governor = office.open(concurrency={"total": 1, "per_namespace": 1}, lease_seconds=30)
    assert await state(governor, "web") is GRANTED
    assert await state(governor, "api") is WAIT
    assert await governor.silent() == []
    office.seconds = 31
    dead = (turn("web").holder, "web-1")
    claimed = await asyncio.gather(*(governor.silent() for _ in range(5)))
    assert [c for c in claimed if c] == [[dead]]  # one of five looks after it
    assert await governor.release(dead[0], "web-0") == []  # of another incident
    assert await state(governor, "api") is WAIT
    office.seconds = 62
    assert dead in await governor.silent()
    assert await governor.release(*dead) == [turn("api").holder]
    assert await state(governor, "api") is GRANTED
    assert await state(governor, "api", incident="2") is GRANTED
    assert len((await governor.overview("default")).held) == 1


async def test_many_at_once_in_one_process(office: Office) -> None:
    governor = office.open(concurrency={"total": 7, "per_namespace": 100})
    answers = await asyncio.gather(*(state(governor, f"w{n}") for n in range(200)))
    assert sorted(answers).count(GRANTED) == 7
    assert sorted(answers).count(WAIT) == 193
