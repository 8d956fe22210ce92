"""Which hypothesis comes first, with which plan and how sure: the plain cases and the misleading ones."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from suture.diagnosis.case import Case
from suture.diagnosis.classify import classify, merge, wanted_revisions
from suture.diagnosis.symptoms import symptoms
from suture.domain.action import (
    AdjustResources,
    DeletePod,
    RecreateObject,
    RestartRollout,
    Scale,
    Uncordon,
    UndoRollout,
)
from suture.domain.diagnosis import Classification, FailureType, Hypothesis, Symptom
from suture.domain.plan import Plan
from suture.domain.report import Report
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import (
    NOW,
    NS,
    PodState,
    Rev,
    World,
    condition,
    crash,
    deleting,
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

NO_NODE = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."


def judge(
    world: World,
    ref: ObjectRef,
    revisions: Mapping[ObjectRef, str] | None = None,
    reports: list[Report] | None = None,
) -> Classification:
    snapshot = world.snapshot()
    found = symptoms(snapshot, ref, NOW, reports or [])
    return classify(Case(snapshot, ref, found, revisions or {}, now=NOW))


def best(result: Classification) -> tuple[Hypothesis, Plan]:
    first = result.hypotheses[0]
    assert first.plan is not None, result
    return first, first.plan


def offered(result: Classification, kind: str) -> Hypothesis | None:
    return next((h for h in result.hypotheses if h.plan and h.plan.actions[0].kind == kind), None)


def undone_to(result: Classification) -> int | None:
    action = best(result)[1].actions[0]
    assert isinstance(action, UndoRollout)
    return action.to_revision


@pytest.mark.parametrize(
    ("new", "state", "kind"),
    [
        (template("web:2"), pulling(since=20), FailureType.IMAGE_PULL),
        (template("web:2"), crash(last=20), FailureType.CRASH_LOOP),
        (template(container={"env": []}), crash(last=20), FailureType.CRASH_LOOP),
        (template(nodeSelector={"disk": "tape"}), pending(NO_NODE, since=20), FailureType.UNSCHEDULABLE),
        (
            template(affinity={"podAntiAffinity": {"x": []}}),
            pending("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", since=20),
            FailureType.UNSCHEDULABLE,
        ),
        (
            template(container={"resources": {"requests": {"memory": "64Gi"}}}),
            pending("0/3 nodes are available: 3 Insufficient memory.", since=20),
            FailureType.UNSCHEDULABLE,
        ),
        (
            template(container={"ports": [{"containerPort": 80, "hostPort": 80}]}),
            pending("0/3 nodes are available: 3 node(s) didn't have free ports.", since=20),
            FailureType.UNSCHEDULABLE,
        ),
        (
            template(container={"resources": {"limits": {"memory": "9Mi"}}}),
            oom(last=20),
            FailureType.OOM_KILLED,
        ),
        (
            template(container={"readinessProbe": {"periodSeconds": 5}}),
            unready(since=50),
            FailureType.NOT_READY,
        ),
    ],
)
def test_a_bad_release_is_undone(new: Manifest, state: PodState, kind: FailureType) -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready(), ready()]), Rev(new, [state], age=60))
    result = judge(world, web)
    first, plan = best(result)
    assert (result.failure_type, undone_to(result), len(plan.actions)) == (kind, 1, 1)
    assert first.confidence >= 0.85 and any("revision 1 still has 2 ready pods" in w for w in first.why)
    assert plan.actions[0].expect.uid and plan.actions[0].expect.generation == 2
    assert [c.object for c in plan.checks] == [web]


def test_the_revision_that_still_serves_is_preferred_to_the_newest() -> None:
    world = World()
    web = world.deployment(
        "web",
        Rev("web:1", [ready(), ready()]),
        Rev("web:2", [pulling()], age=300),
        Rev("web:3", [pulling()], age=60),
    )
    assert undone_to(judge(world, web)) == 1


def test_a_failed_attempt_of_a_minute_is_passed_over() -> None:
    world = World()
    web = world.deployment(
        "web", Rev("web:1", [], age=9000), Rev("web:2", [], age=90), Rev("web:3", [crash(last=20)], age=60)
    )
    assert undone_to(judge(world, web)) == 1


def test_an_equally_broken_earlier_revision_makes_unsure() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [crash(last=300)]), Rev("web:2", [crash()], age=60))
    undo = offered(judge(world, web), "undo_rollout")
    assert undo is not None and undo.confidence < 0.3


def test_a_crash_long_after_the_release_is_not_blamed_on_it() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [], age=9e5), Rev("web:2", [crash(), ready()], age=9e4))
    assert all(h.confidence < 0.5 for h in judge(world, web).hypotheses)


def test_a_mere_restart_is_not_to_blame() -> None:
    world = World()
    again = template()
    again["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T02:58:00Z"}
    web = world.deployment("web", Rev(template(), [ready()]), Rev(again, [crash()], age=60))
    result = judge(world, web)
    assert offered(result, "undo_rollout") is None
    first, plan = best(result)
    assert isinstance(plan.actions[0], RestartRollout) and first.confidence < 0.5


def test_the_release_before_a_restart_is_less_likely_to_blame() -> None:
    world = World()
    again = template("web:2")
    again["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "x"}
    web = world.deployment(
        "web", Rev("web:1", [], age=9e5), Rev("web:2", [], age=8e5), Rev(again, [crash()], age=60)
    )
    undo = offered(judge(world, web), "undo_rollout")
    assert undo is not None and undo.confidence < 0.5


def test_an_image_that_vanished_cannot_be_mended_by_an_earlier_revision_of_the_same_image() -> None:
    world = World()
    web = world.deployment("web", Rev(template(), [ready()]), Rev(template(priority=1), [pulling()], age=60))
    result = judge(world, web)
    assert result.failure_type is FailureType.IMAGE_PULL
    assert all(h.plan is None for h in result.hypotheses)


def test_no_way_back_is_a_hypothesis_without_a_plan() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [pulling()]))
    (only,) = judge(world, web).hypotheses
    assert only.plan is None and "no earlier revision" in only.why[-1] and only.confidence < 0.5


def test_a_paused_deployment_is_not_undone() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()]), Rev("web:2", [crash()], age=60), paused=True)
    assert offered(judge(world, web), "undo_rollout") is None


def test_a_stateful_set_s_broken_pod_is_deleted_after_the_undo() -> None:
    world = World()
    db = world.stateful_set("db", Rev("db:1", [ready(), ready()]), Rev("db:2", [crash(last=20)], age=60))
    first, plan = best(judge(world, db))
    undo, delete = plan.actions
    assert isinstance(undo, UndoRollout) and undo.to_revision == 1
    assert isinstance(delete, DeletePod) and delete.object.name == "db-2" and delete.expect.uid
    assert first.confidence >= 0.85


def test_a_daemon_set_goes_back_to_its_controller_revision() -> None:
    world = World()
    agent = world.daemon_set("agent", Rev("agent:1", [ready(), ready()]), Rev("agent:2", [pulling()], age=60))
    result = judge(world, agent)
    assert undone_to(result) == 1 and len(best(result)[1].actions) == 1


def _memory(limit: str, request: str = "") -> Manifest:
    return template(
        container={
            "resources": {
                "limits": {"memory": limit},
                **({"requests": {"memory": request}} if request else {}),
            }
        }
    )


def test_a_lowered_memory_limit_is_put_back() -> None:
    world = World()
    web = world.deployment("web", Rev(_memory("256Mi"), [ready()]), Rev(_memory("64Mi"), [oom()], age=60))
    result = judge(world, web)
    assert undone_to(result) == 1 and "256Mi to 64Mi" in result.hypotheses[0].why[0]
    second = offered(result, "adjust_resources")
    assert second is not None and second.confidence < 0.5


@pytest.mark.parametrize(
    ("limit", "request_", "expected"),
    [
        ("64Mi", "32Mi", ({}, {"memory": "128Mi"})),
        ("64Mi", "", ({"memory": "64Mi"}, {"memory": "128Mi"})),  # what the API server took for the request
        ("3Gi", "1Gi", ({}, {"memory": "4Gi"})),  # half of a node
        ("4Gi", "1Gi", None),
        ("", "", None),
    ],
)
def test_a_limit_too_low_is_raised_within_reason(
    limit: str, request_: str, expected: tuple[dict[str, str], dict[str, str]] | None
) -> None:
    world = World()
    web = world.deployment("web", Rev(_memory(limit, request_) if limit else template(), [oom()]))
    first = judge(world, web).hypotheses[0]
    if expected is None:
        assert first.plan is None
        return
    assert first.plan is not None
    (action,) = first.plan.actions
    assert isinstance(action, AdjustResources) and (action.requests, action.limits) == expected


def test_a_limit_range_caps_the_limit() -> None:
    world = World()
    world.add("LimitRange", "caps", spec={"limits": [{"type": "Container", "max": {"memory": "100Mi"}}]})
    web = world.deployment("web", Rev(_memory("64Mi", "32Mi"), [oom()]))
    action = best(judge(world, web))[1].actions[0]
    assert isinstance(action, AdjustResources) and action.limits == {"memory": "100Mi"}


def test_pending_pods_of_an_unchanged_template_have_no_plan() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()]), Rev("web:2", [pending(NO_NODE)], age=60))
    assert judge(world, web).hypotheses[0].plan is None


@pytest.mark.parametrize(("nodes", "sure"), [(3, True), (12, False), (40, None)])
def test_when_every_node_is_cordoned(nodes: int, sure: bool | None) -> None:
    world = World(nodes=0)
    for i in range(nodes):
        world.node(f"n{i}", cordoned=True)
    web = world.deployment(
        "web", Rev("web:1", [pending(f"0/{nodes} nodes are available: {nodes} node(s) were unschedulable.")])
    )
    first = judge(world, web).hypotheses[0]
    assert (first.plan is None) == (sure is None)
    if first.plan:
        assert all(isinstance(a, Uncordon) for a in first.plan.actions) and (first.confidence >= 0.5) == sure


def test_one_cordoned_node_among_others_stays_cordoned() -> None:
    world = World()
    world.node("node-3", cordoned=True)
    message = "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu."
    web = world.deployment("web", Rev("web:1", [pending(message)]))
    assert offered(judge(world, web), "uncordon") is None


def _replicas(world: World, web: ObjectRef) -> tuple[int, float]:
    first, plan = best(judge(world, web, reports=[report(web, "TargetDown")]))
    (action,) = plan.actions
    assert isinstance(action, Scale)
    return action.replicas, first.confidence


def test_back_from_zero_to_the_last_known_number() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", []), replicas=0)
    held = next(o for o in world.objects if o["kind"] == "ReplicaSet")
    held["metadata"]["annotations"].pop("deployment.kubernetes.io/desired-replicas")
    guess = _replicas(world, web)
    assert guess[0] == 1
    held["metadata"]["annotations"]["deployment.kubernetes.io/desired-replicas"] = "3"
    assert _replicas(world, web)[0] == 3
    world.find(web)["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = (
        '{"spec": {"replicas": 4}}'
    )
    assert _replicas(world, web)[0] == 4
    world.event(
        web,
        "ScalingReplicaSet",
        f"Scaled down replica set {held['metadata']['name']} from 5 to 0",
        kind="Normal",
    )
    assert _replicas(world, web)[0] == 5
    world.autoscaler(web, least=6)
    known = _replicas(world, web)
    assert known[0] == 6 and known[1] > guess[1]


def _with_config(name: str) -> Manifest:
    return template(volumes=[{"name": "c", "configMap": {"name": name}}])


def test_a_deleted_object_is_recreated() -> None:
    world = World()
    web = world.deployment(
        "web",
        Rev("web:0", [], age=9000),
        Rev(_with_config("settings"), [waiting("ContainerCreating", since=30)]),
    )
    settings = ObjectRef(kind="ConfigMap", namespace=NS, name="settings")
    snapshot = world.snapshot()
    assert wanted_revisions(snapshot, web, symptoms(snapshot, web, NOW)) == [settings]
    world = World()
    web = world.deployment("web", Rev(_with_config("settings"), [waiting("ContainerCreating", since=30)]))
    first, plan = best(judge(world, web, {settings: "rev-7"}))
    assert plan.actions == [RecreateObject(object=settings, revision="rev-7")] and first.confidence > 0.8
    assert judge(world, web).hypotheses[0].plan is None


def test_a_dangling_reference_is_undone_with_the_revision_that_brought_it() -> None:
    world = World()
    web = world.deployment(
        "web",
        Rev(_with_config("good"), [ready()]),
        Rev(_with_config("typo"), [waiting("ContainerCreating", since=30)], age=40),
    )
    world.add("ConfigMap", "good", data={})
    result = judge(world, web)
    assert undone_to(result) == 1 and result.hypotheses[0].confidence > 0.85


def test_a_claim_is_never_made_anew() -> None:
    world = World()
    made_of = template(volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    web = world.deployment(
        "web", Rev(made_of, [pending('0/3 nodes are available: persistentvolumeclaim "data" not found.')])
    )
    claim = ObjectRef(kind="PersistentVolumeClaim", namespace=NS, name="data")
    assert judge(world, web, {claim: "rev-1"}).hypotheses[0].plan is None
    snapshot = world.snapshot()
    assert wanted_revisions(snapshot, web, symptoms(snapshot, web, NOW)) == []


def test_a_missing_target_that_others_need_is_recreated() -> None:
    world = World()
    world.deployment("web", Rev(_with_config("settings"), [ready()]))
    settings = ObjectRef(kind="ConfigMap", namespace=NS, name="settings")
    snapshot = world.snapshot()
    assert wanted_revisions(snapshot, settings, symptoms(snapshot, settings, NOW)) == [settings]
    first, plan = best(judge(world, settings, {settings: "r"}))
    assert plan.actions[0].object == settings and first.confidence >= 0.5


def test_pods_stuck_on_a_lost_node_are_deleted_by_force() -> None:
    world = World()
    world.node("node-2", "Unknown", 120)
    db = world.stateful_set("db", Rev("db:1", [ready(), on("node-2", deleting(ready(), over=20))]))
    first, plan = best(judge(world, db))
    (action,) = plan.actions
    assert isinstance(action, DeletePod) and (action.object.name, action.grace_seconds) == ("db-1", 0)
    assert first.confidence >= 0.75
    world.node("node-2", "False", 120)  # its kubelet answers: the container may still run
    assert all(h.plan is None for h in judge(world, db).hypotheses)


def test_a_daemon_set_s_pod_on_a_lost_node_is_left_there() -> None:
    world = World()
    world.node("node-2", "Unknown", 120)
    agent = world.daemon_set("agent", Rev("agent:1", [ready(), on("node-2", unready(since=100))]))
    assert all(h.plan is None for h in judge(world, agent).hypotheses)


@pytest.mark.parametrize(
    ("new", "has_plan"), [(_memory("9Gi"), True), (_memory("1Gi", "1Gi"), True), (None, False)]
)
def test_what_the_namespace_forbids_has_no_plan_unless_the_wish_changed(
    new: Manifest | None, has_plan: bool
) -> None:
    world = World()
    status = {"conditions": [condition("ReplicaFailure", "True", 30, "FailedCreate", "exceeded quota: q")]}
    other = _memory("1Gi")
    other["spec"]["containers"][0]["image"] = "web:2"
    revs = Rev(_memory("1Gi"), [ready()]), Rev(new or other, [], age=40, wanted=1)
    result = judge(world, world.deployment("web", *revs, replicas=1, status=status))
    assert result.failure_type is FailureType.FAILED_CREATE
    assert (result.hypotheses[0].plan is not None) == has_plan


def test_equal_plans_are_merged_with_their_reasons() -> None:
    world = World()
    late = {"conditions": [condition("Progressing", "False", 5, "ProgressDeadlineExceeded", "timed out")]}
    web = world.deployment(
        "web", Rev("web:1", [ready()]), Rev("web:2", [crash(last=20)], age=60), status=late
    )
    first, plan = best(judge(world, web))
    assert first.failure_type is FailureType.CRASH_LOOP
    assert "failed_rollout" in first.origin and "crash_loop" in first.origin
    alone = first.model_copy(update={"confidence": 0.5, "why": ["a"], "plan": plan})
    (merged,) = merge([alone, alone.model_copy(update={"why": ["b"]})])
    assert (merged.confidence, merged.why) == (0.75, ["a", "b"])


def test_symptoms_that_no_detector_explains_are_still_told() -> None:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready()]))
    stranger = Symptom(failure_type=FailureType.UNKNOWN, object=web, owner=web, message="odd")
    (only,) = classify(Case(world.snapshot(), web, [stranger], now=NOW)).hypotheses
    assert (only.plan, only.failure_type, only.why) == (None, FailureType.UNKNOWN, ["odd"])
