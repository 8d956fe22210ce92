"""One cause for many, and causes that are gone although something else is wrong."""

from __future__ import annotations

from suture.diagnosis.case import Case
from suture.diagnosis.changes.history import Past
from suture.diagnosis.checks import cause_gone
from suture.diagnosis.classify import classify
from suture.diagnosis.detect import detect
from suture.diagnosis.graph import build
from suture.diagnosis.grouping import affected, cause_of, shared_cause, troubled_dependency
from suture.diagnosis.symptoms import symptoms
from suture.domain.action import Patch
from suture.domain.diagnosis import Health, Symptom
from suture.domain.plan import FieldEquals, Plan, WorkloadHealthy
from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef
from tests.changes.worlds import state
from tests.diagnosis.builder import (
    NOW,
    NS,
    PodState,
    Rev,
    World,
    at,
    crash,
    ready,
    report,
    target,
    template,
    unready,
)
from tests.diagnosis.builder import on as held_by

ENV = [{"name": "DB", "valueFrom": {"configMapKeyRef": {"name": "shared", "key": "db"}}}]
SHARED = ObjectRef(kind="ConfigMap", namespace=NS, name="shared")


def two_users(state_of_pods: PodState) -> tuple[World, list[ObjectRef]]:
    world = World()
    world.add("ConfigMap", "shared", data={"db": "db:5432"})
    users = [
        world.deployment(n, Rev(template(f"{n}:1", n, container={"env": ENV}), [state_of_pods], age=3600))
        for n in ("a", "b")
    ]
    return world, users


def test_what_most_users_stumble_over_is_the_cause() -> None:
    world, users = two_users(crash(last=20))
    snapshot = world.snapshot()
    graph = build(snapshot, NS)
    assert {cause_of(snapshot, graph, u, NOW) for u in users} == {SHARED}
    assert set(affected(snapshot, graph, SHARED, NOW)) == set(users)


def test_a_lost_node_is_the_cause_for_its_pods() -> None:
    world = World()
    world.node("node-2", "Unknown", 120)
    web = world.deployment("web", Rev("web:1", [ready(), held_by("node-2", unready(since=100))]))
    snapshot = world.snapshot()
    assert cause_of(snapshot, build(snapshot, NS), web, NOW) == ObjectRef(kind="Node", name="node-2")


def test_the_trouble_of_one_alone_has_no_shared_cause() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()]), Rev("web:2", [crash(last=20)], age=60))
    assert cause_of(world.snapshot(), build(world.snapshot(), NS), web, NOW) is None


def test_the_incident_of_the_cause_finds_the_plan_and_heals_both() -> None:
    world, users = two_users(crash(last=20))
    live = world.find(SHARED)
    good = state(live, SHARED, 7200, 1)
    live["data"]["db"] = "nowhere:5432"
    past = Past.of([good, state(live, SHARED, 60, 2)])
    snapshot = world.snapshot()
    mine = Case(snapshot, users[0], symptoms(snapshot, users[0], NOW), past=past, now=NOW)
    assert shared_cause(mine, classify(mine).next(frozenset())) == SHARED
    passed_on = [report(SHARED, affected=str(u)) for u in users]
    detection = detect(snapshot, target(SHARED), passed_on, NOW, at(60), past)
    assert detection.health is Health.UNHEALTHY and {s.owner for s in detection.symptoms} == set(users)
    found = classify(Case(snapshot, SHARED, detection.symptoms, past=past, now=NOW)).hypotheses[0]
    assert found.plan is not None and found.plan.actions[0].object == SHARED
    assert {c.object for c in found.plan.checks if isinstance(c, WorkloadHealthy)} == set(users)


def test_who_calls_a_troubled_workload_waits_for_it() -> None:
    world = World()
    db = world.deployment("db", Rev("db:1", [ready()]), Rev("db:2", [crash(last=20)], age=60))
    world.add("Service", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 5432}]})
    env = {"env": [{"name": "DB_ADDR", "value": "db:5432"}]}
    web = world.deployment("web", Rev(template("web:1", container=env), [unready(since=90)]))
    snapshot = world.snapshot()
    assert troubled_dependency(Case(snapshot, web, symptoms(snapshot, web, NOW), now=NOW)) == db
    assert troubled_dependency(Case(snapshot, db, symptoms(snapshot, db, NOW), now=NOW)) is None


def _plan(web: ObjectRef) -> Plan:
    patch = Patch(object=web, patch_type="merge", body={"spec": {"minReadySeconds": 0}})
    field = FieldEquals(object=web, path="spec.minReadySeconds", value=None)
    return Plan(actions=[patch], checks=[field, WorkloadHealthy(object=web)])


def _before(snapshot: Snapshot, web: ObjectRef) -> list[Symptom]:
    return symptoms(snapshot, web, NOW)


def test_a_cause_is_gone_when_something_else_is_wrong_now() -> None:
    then, now, well = World(), World(), World()
    web = then.deployment("web", Rev("web:1", [crash(last=20)]))
    now.deployment("web", Rev("web:1", [crash(last=20, reason="OOMKilled", code=137)]))
    well.deployment("web", Rev("web:1", [ready()]))
    before = _before(then.snapshot(), web)
    assert cause_gone(now.snapshot(), _plan(web), before, NOW)
    assert not cause_gone(then.snapshot(), _plan(web), before, NOW)  # the same trouble still
    assert not cause_gone(well.snapshot(), _plan(web), before, NOW)  # nothing is left: simply healed
