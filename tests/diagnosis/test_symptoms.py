"""What counts as a symptom, and above all what does not."""

from __future__ import annotations

import pytest

from suture.diagnosis.symptoms import symptoms, troubles
from suture.domain.diagnosis import FailureType as F
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import (
    NOW,
    NS,
    PodState,
    Rev,
    World,
    ago,
    came_back,
    condition,
    crash,
    deleting,
    finished,
    on,
    oom,
    pending,
    pulling,
    ready,
    report,
    template,
    unready,
    waiting,
)

NO_ROOM = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available."


def seen(world: World, ref: ObjectRef) -> list[tuple[F, str]]:
    return [(s.failure_type, s.reason) for s in symptoms(world.snapshot(), ref, NOW)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (pulling(), (F.IMAGE_PULL, "ImagePullBackOff")),
        (pulling(reason="ErrImagePull"), (F.IMAGE_PULL, "ErrImagePull")),
        (waiting("InvalidImageName"), (F.IMAGE_PULL, "InvalidImageName")),
        (crash(), (F.CRASH_LOOP, "CrashLoopBackOff")),
        (crash(reason="StartError", code=128), (F.CRASH_LOOP, "CrashLoopBackOff")),
        (waiting("RunContainerError", "exec failed"), (F.CRASH_LOOP, "RunContainerError")),
        (came_back(), (F.CRASH_LOOP, "Restarted")),
        (oom(), (F.OOM_KILLED, "CrashLoopBackOff")),
        (ready(since=5, restarts=4), (F.CRASH_LOOP, "Flapping")),
        (pending(NO_ROOM), (F.UNSCHEDULABLE, "Unschedulable")),
        (unready(since=45), (F.NOT_READY, "ContainersNotReady")),
        (
            waiting("CreateContainerConfigError", "image will run as root"),
            (F.NOT_READY, "CreateContainerConfigError"),
        ),
        (waiting("ContainerCreating", since=90), (F.NOT_READY, "ContainersNotReady")),
    ],
)
def test_a_pod_in_trouble(state: PodState, expected: tuple[F, str]) -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [state]))
    assert seen(world, web) == [expected]


@pytest.mark.parametrize(
    "state",
    [
        ready(),
        ready(since=120, restarts=7),  # a crash loop that healed
        ready(since=5, restarts=1),  # one crash that healed
        ready(since=5, restarts=9, ran=86400),  # the earlier crashes were long ago
        waiting("ContainerCreating", since=10),
        waiting("PodInitializing", since=10),
        unready(since=10),
        pending("", reason="SchedulingGated"),
        deleting(crash()),
        deleting(unready(since=900)),
        finished("Failed", "Evicted"),
        finished("Succeeded", ""),
    ],
)
def test_a_pod_that_is_as_pods_are(state: PodState) -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready(), state]))
    assert seen(world, web) == []


def test_an_init_container_and_a_sidecar_count() -> None:
    world = World()
    made_of = template(
        initContainers=[
            {"name": "migrate", "image": "m"},
            {"name": "proxy", "image": "p", "restartPolicy": "Always"},
        ]
    )
    web = world.deployment("web", Rev(made_of, [crash(container="migrate"), crash(container="proxy")]))
    found = symptoms(world.snapshot(), web, NOW)
    assert [(s.failure_type, s.container) for s in found] == [
        (F.CRASH_LOOP, "migrate"),
        (F.CRASH_LOOP, "proxy"),
    ]


def test_the_beginning_of_a_crash_loop_is_its_first_event() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [crash(restarts=5)]))
    pod = next(o for o in world.objects if o["kind"] == "Pod")
    world.event(pod, "BackOff", "Back-off restarting failed container web in pod x", first=300)
    (found,) = symptoms(world.snapshot(), web, NOW)
    assert found.since is not None and (NOW - found.since).total_seconds() == 300
    assert found.restarts == 5


def test_secrets_in_messages_are_hidden() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [waiting("RunContainerError", "password=hunter2 refused")]))
    assert "hunter2" not in symptoms(world.snapshot(), web, NOW)[0].message


def test_slow_starters_get_the_time_that_their_siblings_took() -> None:
    slow, hasty = World(), World()
    one = slow.deployment("web", Rev("web:1", [ready(after=50), unready(since=45)]))
    other = hasty.deployment("web", Rev("web:1", [ready(after=3), unready(since=45)]))
    assert seen(slow, one) == []
    assert seen(hasty, other) == [(F.NOT_READY, "ContainersNotReady")]


def test_probes_extend_the_time_to_start_but_not_a_fall() -> None:
    probe = {"startupProbe": {"periodSeconds": 10, "failureThreshold": 12}}
    starting, fallen = World(), World()
    one = starting.deployment("web", Rev(template(container=probe), [unready(since=60)]))
    other = fallen.deployment("web", Rev(template(container=probe), [unready(since=60, up=4000)]))
    assert seen(starting, one) == []
    assert seen(fallen, other) == [(F.NOT_READY, "ContainersNotReady")]


def test_old_pods_that_a_good_revision_replaces_do_not_count() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [crash(), crash()]), Rev("web:2", [unready(since=3)], age=10))
    assert seen(world, web) == []


def test_old_pods_count_when_the_new_revision_fails_too() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [crash()]), Rev("web:2", [crash()], age=60))
    assert seen(world, web) == [(F.CRASH_LOOP, "CrashLoopBackOff")] * 2


def _config(world: World) -> ObjectRef:
    made_of = template(volumes=[{"name": "c", "configMap": {"name": "settings"}}])
    return world.deployment("web", Rev(made_of, [waiting("ContainerCreating", since=20)]))


def test_a_missing_config_map() -> None:
    world = World()
    web = _config(world)
    world.event(
        next(o for o in world.objects if o["kind"] == "Pod"),
        "FailedMount",
        'configmap "settings" not found',
        first=15,
    )
    (found,) = symptoms(world.snapshot(), web, NOW)
    assert (found.failure_type, found.reason) == (F.MISSING_REFERENCE, "ConfigMapNotFound")
    assert found.since is not None and (NOW - found.since).total_seconds() == 15


def test_a_config_map_that_came_back_is_not_missing() -> None:
    world = World()
    web = _config(world)
    world.event(
        next(o for o in world.objects if o["kind"] == "Pod"), "FailedMount", 'configmap "settings" not found'
    )
    world.add("ConfigMap", "settings", data={})
    assert seen(world, web) == []


def test_optional_references_and_unreadable_kinds_are_not_missing() -> None:
    world = World()
    world.objects = [o for o in world.objects if o["kind"] != "Secret"]  # the engine may not read Secrets
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "a", "optional": True}}}]
    made_of = template(container={"env": env, "envFrom": [{"secretRef": {"name": "hidden"}}]})
    web = world.deployment("web", Rev(made_of, [waiting("ContainerCreating", since=20)]))
    assert seen(world, web) == []


def test_a_missing_key() -> None:
    world = World()
    world.add("ConfigMap", "settings", data={"other": "1"})
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}]
    state = waiting("CreateContainerConfigError", "couldn't find key a in ConfigMap shop/settings")
    web = world.deployment("web", Rev(template(container={"env": env}), [state]))
    assert seen(world, web) == [(F.MISSING_REFERENCE, "ConfigMapKeyNotFound")]


def test_a_missing_claim_is_a_missing_reference_not_a_lack_of_room() -> None:
    world = World()
    made_of = template(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data-x"}}])
    web = world.deployment(
        "web", Rev(made_of, [pending('0/3 nodes are available: persistentvolumeclaim "data-x" not found.')])
    )
    assert seen(world, web) == [(F.MISSING_REFERENCE, "PersistentVolumeClaimNotFound")]


def test_a_node_that_is_on_its_way() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [pending(NO_ROOM)]))
    world.event(
        next(o for o in world.objects if o["kind"] == "Pod"),
        "TriggeredScaleUp",
        "pod triggered scale-up",
        kind="Normal",
    )
    assert seen(world, web) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("pods is forbidden: exceeded quota: q, requested: memory=1Gi", (F.FAILED_CREATE, "QuotaExceeded")),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest"',
            (F.FAILED_CREATE, "PodSecurityViolation"),
        ),
        ('Internal error: failed calling webhook "a.b": no endpoints', (F.FAILED_CREATE, "WebhookFailed")),
        (
            'error looking up service account shop/w: serviceaccount "w" not found',
            (F.MISSING_REFERENCE, "ServiceAccountNotFound"),
        ),
        (
            'error looking up service account shop/default: serviceaccount "default" not found',
            None,
        ),  # it is back
    ],
)
def test_pods_that_may_not_be_created(message: str, expected: tuple[F, str] | None) -> None:
    world = World()
    failure = condition("ReplicaFailure", "True", 30, "FailedCreate", message)
    web = world.deployment("web", Rev("web:1", []), replicas=2, status={"conditions": [failure]})
    assert seen(world, web) == ([expected] if expected else [])


def test_a_stateful_set_tells_failed_creation_by_events_only() -> None:
    world = World()
    db = world.stateful_set("db", Rev("db:1", [ready()]), replicas=2)
    world.event(db, "FailedCreate", "create Pod db-1 failed: exceeded quota: q", first=100, last=20)
    assert seen(world, db) == [(F.FAILED_CREATE, "QuotaExceeded")]
    for event in world.objects[-1:]:
        event["lastTimestamp"] = ago(3600)
    assert seen(world, db) == []


def test_a_progress_deadline_counts_unless_paused_or_healed() -> None:
    late = {"conditions": [condition("Progressing", "False", 5, "ProgressDeadlineExceeded", "timed out")]}
    for paused, pod, expected in (
        (False, unready(since=20), [(F.ROLLOUT_FAILED, "ProgressDeadlineExceeded")]),
        (True, unready(since=20), []),
        (False, ready(), []),
    ):
        world = World()
        web = world.deployment("web", Rev("web:1", [pod]), paused=paused, status=late)
        assert seen(world, web) == expected


def test_nodes() -> None:
    world = World()
    lost = world.node("node-2", "Unknown", 30)
    world.node("node-3", "True", cordoned=True)
    assert seen(world, ObjectRef(kind="Node", name="node-2")) == [(F.NODE_NOT_READY, "NodeStatusUnknown")]
    assert seen(world, ObjectRef(kind="Node", name="node-3")) == []
    lost["spec"]["unschedulable"] = True  # drained and switched off on purpose
    assert seen(world, ObjectRef(kind="Node", name="node-2")) == []


def test_every_node_cordoned_while_pods_wait() -> None:
    world = World(nodes=0)
    world.node("a", cordoned=True)
    world.node("b", cordoned=True)
    assert seen(world, ObjectRef(kind="Node", name="a")) == []
    world.deployment("web", Rev("web:1", [pending("0/2 nodes are available: 2 node(s) were unschedulable.")]))
    assert seen(world, ObjectRef(kind="Node", name="a")) == [(F.UNSCHEDULABLE, "Cordoned")]


def test_pods_stranded_on_a_lost_node() -> None:
    world = World()
    world.node("node-2", "Unknown", 90)
    stuck = on("node-2", deleting(ready(), over=20))
    db = world.stateful_set("db", Rev("db:1", [ready(), stuck]))
    assert seen(world, db) == [(F.NODE_NOT_READY, "StuckTerminating")]
    web = world.deployment(
        "web", Rev("web:1", [ready(), stuck]), replicas=1
    )  # its replacement runs: nobody misses it
    assert seen(world, web) == []


@pytest.mark.parametrize("kind", ["Job", "CronJob"])
def test_failed_jobs(kind: str) -> None:
    world = World()
    cron = world.add("CronJob", "nightly", spec={})
    job = world.add("Job", "nightly-1", owner=cron if kind == "CronJob" else None, spec={})
    job["status"] = {"conditions": [condition("Failed", "True", 60, "BackoffLimitExceeded")]}
    ref = ObjectRef(kind=kind, namespace=NS, name="nightly" if kind == "CronJob" else "nightly-1")
    assert seen(world, ref) == [(F.JOB_FAILED, "BackoffLimitExceeded")]
    if kind == "CronJob":
        good = world.add(
            "Job", "nightly-2", owner=cron, spec={}, status={"conditions": [condition("Complete", "True", 5)]}
        )
        good["metadata"]["creationTimestamp"] = ago(30)
        assert seen(world, ref) == []


def test_zero_replicas_need_a_witness() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", []), replicas=0)
    assert seen(world, web) == []
    for reports, expected in (
        ([report(web, "TargetDown")], [F.SCALED_TO_ZERO]),
        ([report(web, "TargetDown", status="resolved")], []),
        ([report(web, "TargetDown", source="kubernetes")], []),
        ([report(web, "KubePodCrashLooping")], []),
    ):
        assert [s.failure_type for s in symptoms(world.snapshot(), web, NOW, reports)] == expected


def test_a_missing_object_is_missed_only_by_those_who_name_it() -> None:
    world = World()
    made_of = template(volumes=[{"name": "c", "configMap": {"name": "settings"}}])
    world.deployment("web", Rev(made_of, [ready()]))
    assert seen(world, ObjectRef(kind="ConfigMap", namespace=NS, name="settings")) == [
        (F.MISSING_OBJECT, "NotFound")
    ]
    assert seen(world, ObjectRef(kind="ConfigMap", namespace=NS, name="other")) == []


def test_troubles_are_grouped_by_top_owner() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [pulling(), pulling()]))
    db = world.stateful_set("db", Rev("db:1", [crash()]))
    world.deployment("fine", Rev("fine:1", [ready()]))
    assert [s.owner for s in troubles(world.snapshot(), NOW)] == [web, web, db]


def test_a_pod_of_a_custom_controller_is_its_own_owner() -> None:
    world = World()
    world.pod(
        "job-x",
        template(),
        crash(),
        owner={"kind": "Workflow", "metadata": {"name": "w", "uid": "elsewhere"}},
    )
    world.pod(
        "static", template(), crash(), owner={"kind": "Node", "metadata": {"name": "node-1", "uid": "n"}}
    )
    assert [str(s.owner) for s in troubles(world.snapshot(), NOW)] == ["Pod/shop/job-x", "Pod/shop/static"]
