"""Is there a problem at all, by now? Above all: what must be left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from suture.diagnosis.absence import says_down
from suture.diagnosis.detect import detect
from suture.diagnosis.grace import GRACE, RECHECK_MOST, remaining
from suture.domain.diagnosis import Detection, FailureType, Health, Symptom
from suture.domain.report import Report
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import (
    NOW,
    NS,
    PodState,
    Rev,
    World,
    at,
    came_back,
    crash,
    deleting,
    finished,
    on,
    oom,
    pending,
    pulling,
    ready,
    report,
    target,
    template,
    unready,
    waiting,
)

NO_ROOM = "0/3 nodes are available: 3 Insufficient memory."


def look(world: World, ref: ObjectRef, *reports: Report, first_seen: float = 60) -> Detection:
    return detect(world.snapshot(), target(ref), reports or [report(ref)], NOW, at(first_seen))


def _false_alarm(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", [ready(), ready()]))


def _healthy_release(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", [], age=9000), Rev("web:2", [ready(), ready()], age=40))


def _scaled_up(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", [ready()] * 4))


def _crash_that_healed(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", [ready(since=20, restarts=1), ready()]))


def _leftovers(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", [ready(), finished(), deleting(crash())]), replicas=1)


def _deliberate_zero(world: World) -> ObjectRef:
    return world.deployment("web", Rev("web:1", []), replicas=0)


def _paused_on_purpose(world: World) -> ObjectRef:
    ref = world.deployment("web", Rev("web:1", [ready(), ready()]), Rev("web:2", [], age=5), paused=True)
    return ref


def _moved_off_a_drained_node(world: World) -> ObjectRef:
    world.node("node-2", "Unknown", 300, cordoned=True)
    return world.deployment(
        "web", Rev("web:1", [ready(), ready(), on("node-2", deleting(ready()))]), replicas=2
    )


@pytest.mark.parametrize(
    "make",
    [
        _false_alarm,
        _healthy_release,
        _scaled_up,
        _crash_that_healed,
        _leftovers,
        _deliberate_zero,
        _paused_on_purpose,
        _moved_off_a_drained_node,
    ],
)
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_what_is_healthy_stays_untouched(make: Callable[[World], ObjectRef], status: str) -> None:
    world = World()
    ref = make(world)
    found = look(world, ref, report(ref, "KubeDeploymentReplicasMismatch", status), first_seen=4000)
    assert (found.health, found.symptoms) == (Health.HEALTHY, [])


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        (crash(restarts=1, last=4), 6),
        (oom(restarts=1, last=4), 6),
        (came_back(restarts=2, up=10), RECHECK_MOST),
        (ready(since=50, restarts=5), 10),
        (pending(NO_ROOM, since=2), 3),
        (waiting("ContainerCreating", since=10), 5),
        (unready(since=10), 5),
    ],
)
def test_what_may_heal_itself_is_looked_at_again(pod: PodState, seconds: float) -> None:
    world = World()
    found = look(world, world.deployment("web", Rev("web:1", [ready(), pod])))
    assert (found.health, found.recheck_seconds) == (Health.SETTLING, seconds)


def test_an_image_gets_a_second_try() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [pulling()], age=2))
    found = look(world, web)
    assert (found.health, found.recheck_seconds) == (Health.SETTLING, 3)


def test_a_rollout_in_progress_is_not_trouble() -> None:
    world = World()
    web = world.deployment(
        "web", Rev("web:1", [ready(), ready()]), Rev("web:2", [unready(since=8)], age=9), replicas=2
    )
    assert look(world, web, first_seen=500).health is Health.SETTLING


@pytest.mark.parametrize(
    "pod",
    [
        pulling(),
        crash(restarts=2),
        crash(restarts=1, last=15),
        oom(),
        came_back(restarts=4),
        pending(NO_ROOM, since=9),
        unready(40),
    ],
)
def test_definite_trouble(pod: PodState) -> None:
    world = World()
    found = look(world, world.deployment("web", Rev("web:1", [ready(), pod])))
    assert found.health is Health.UNHEALTHY
    assert found.symptoms and found.recheck_seconds == 0 and "Deployment/shop/web" in found.summary


def test_definite_symptoms_come_first() -> None:
    world = World()
    made_of = template(container={"image": "x"})
    web = world.deployment("web", Rev(made_of, [crash(restarts=1, last=1), pulling()]))
    assert [s.failure_type for s in look(world, web).symptoms] == [
        FailureType.IMAGE_PULL,
        FailureType.CRASH_LOOP,
    ]


def test_less_than_healthy_for_too_long_without_a_symptom() -> None:
    world = World()
    empty = world.service("web", app="nobody")
    assert look(world, empty, first_seen=10).health is Health.SETTLING
    lasting = look(world, empty, first_seen=100)
    assert lasting.health is Health.UNHEALTHY and lasting.symptoms[0].reason == "NotHealthy"


def test_gone_or_missed() -> None:
    world = World()
    settings = ObjectRef(kind="ConfigMap", namespace=NS, name="settings")
    assert look(world, settings).health is Health.GONE
    world.deployment(
        "web", Rev(template(container={"envFrom": [{"configMapRef": {"name": "settings"}}]}), [ready()])
    )
    found = look(world, settings)
    assert (found.health, found.symptoms[0].failure_type) == (Health.UNHEALTHY, FailureType.MISSING_OBJECT)


def test_scaled_to_zero_needs_an_outside_witness_that_names_it() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", []), replicas=0)
    other = ObjectRef(kind="Service", namespace=NS, name="gateway")
    stranger = report(other, "TargetDown", service="gateway")
    assert look(world, web, stranger).health is Health.HEALTHY
    assert look(world, web, report(other, "TargetDown", job="web")).health is Health.UNHEALTHY
    world.autoscaler(web, least=2)
    assert look(world, web, stranger).health is Health.UNHEALTHY


@pytest.mark.parametrize(
    ("reason", "summary", "expected"),
    [
        ("TargetDown", "", True),
        ("TargetAbsent", "", True),
        ("X", "There are no running pods of web", True),
        ("KubePodCrashLooping", "Pod is crash looping", False),
        ("HighRequestErrorRate", "More than 5% of the requests fail", False),
        ("CountdownLate", "the countdown is late", False),
    ],
)
def test_says_down(reason: str, summary: str, expected: bool) -> None:
    ref = ObjectRef(kind="Deployment", namespace=NS, name="web")
    assert says_down(report(ref, reason).model_copy(update={"summary": summary})) is expected


def test_every_failure_type_has_a_grace_with_a_reason() -> None:
    assert set(GRACE) == set(FailureType)
    assert all(g.why and g.seconds >= 0 for g in GRACE.values())


def test_without_a_beginning_the_incident_s_own_counts() -> None:
    ref = ObjectRef(kind="Pod", namespace=NS, name="p")
    symptom = Symptom(failure_type=FailureType.IMAGE_PULL, object=ref, owner=ref)
    assert remaining(symptom, NOW, at(2)) == 3
    assert remaining(symptom, NOW) == 5
