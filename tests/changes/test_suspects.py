"""Which change is suspected, how much, and what is never undone."""

from __future__ import annotations

import copy

import pytest

from suture.diagnosis.changes.aspects import Aspect, aspect
from suture.diagnosis.changes.baseline import deviations, turned
from suture.diagnosis.changes.delta import MISSING, Delta
from suture.diagnosis.changes.direction import worsens
from suture.diagnosis.changes.history import Past, Period
from suture.diagnosis.changes.hypotheses import hypotheses
from suture.diagnosis.classify import classify, rank
from suture.domain.action import RemoveCreated, RestartRollout, Scale
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from tests.changes.worlds import application, case, complaint, everything, past_of, state, target
from tests.diagnosis.builder import NS, Rev, World, ago, at, condition, pending, ready, template

SERVICE = ObjectRef(kind="Service", namespace=NS, name="web")
SETTINGS = ObjectRef(kind="ConfigMap", namespace=NS, name="settings")


def found(
    world: World,
    before: dict[ObjectRef, Manifest],
    *symptoms: Symptom,
    ago: float = 30,
    manager: str = "kubectl",
) -> list[Hypothesis]:
    now = world.snapshot()
    return rank(hypotheses(case(now, past_of(before, now, ago, manager), *symptoms)))


def wrong_port() -> tuple[World, dict[ObjectRef, Manifest]]:
    world = application()
    before = everything(world)
    world.find(SERVICE)["spec"]["ports"][0]["targetPort"] = 9999
    return world, before


def test_the_nearer_in_time_the_more_suspicious() -> None:
    confidences = []
    for seconds in (20, 2000, 20_000):
        world, before = wrong_port()
        past = past_of(before, world.snapshot(), seconds)
        past = Past(past.states, {target(): (Period(at(80_000)),)})
        first = rank(hypotheses(case(world.snapshot(), past)))[0]
        confidences.append(first.confidence)
    assert confidences[0] > 0.8 and confidences == sorted(confidences, reverse=True)


def test_a_change_after_the_trouble_began_is_hardly_suspected() -> None:
    world, before = wrong_port()
    late = complaint().model_copy(update={"since": at(300)})
    assert all(h.confidence < 0.4 for h in found(world, before, late))


def test_what_controllers_write_is_hardly_suspected() -> None:
    world, before = wrong_port()
    assert all(h.confidence < 0.3 for h in found(world, before, manager="kube-controller-manager"))
    assert all(h.confidence < 0.3 for h in found(world, before, manager="suture-0123456789abcdef"))


def test_more_replicas_by_a_person_explain_no_errors() -> None:
    world = application()
    before = everything(world)
    world.find(target())["spec"]["replicas"] = 4
    assert not [h for h in found(world, before) if h.plan]


def test_replicas_of_an_autoscaler_are_its_own_business_except_for_zero() -> None:
    for count, plans in ((1, 0), (0, 1)):
        world = application()
        before = everything(world)
        world.find(target())["spec"]["replicas"] = count
        offered = [h for h in found(world, before) if h.plan]
        assert len(offered) == plans
    assert offered[0].plan is not None
    action = offered[0].plan.actions[0]
    assert isinstance(action, Scale) and action.replicas == 2


def test_an_obstacle_that_somebody_removed_is_never_put_back() -> None:
    """A node that was opened again did not make a volume unavailable, nor anything else worse."""
    world = World()
    node = ObjectRef(kind="Node", name="node-1")
    world.find(node)["spec"]["taints"] = [{"key": "maintenance", "effect": "NoSchedule"}]
    before = {node: copy.deepcopy(world.find(node))}
    world.find(node)["spec"] = {}
    web = application()
    world.objects += [o for o in web.objects if o["kind"] != "Node"]
    said = "0/3 nodes are available: 3 node(s) had untolerated taint {maintenance: }."
    now = world.snapshot()
    about = complaint(FailureType.UNSCHEDULABLE, said)
    assert not [h for h in hypotheses(case(now, past_of(before, now), about)) if h.plan]


@pytest.mark.parametrize(
    ("kind", "path", "before", "after", "harmful"),
    [
        ("Node", ("spec", "unschedulable"), MISSING, True, True),
        ("Node", ("spec", "taints"), MISSING, [{"key": "a"}], True),
        ("Node", ("spec", "taints"), [{"key": "a"}], MISSING, False),
        ("ResourceQuota", ("spec", "hard", "pods"), "10", "2", True),
        ("ResourceQuota", ("spec", "hard", "pods"), "2", "10", False),
        ("PodDisruptionBudget", ("spec", "minAvailable"), 1, 2, True),
        ("PodDisruptionBudget", ("spec", "minAvailable"), 2, 1, False),
        ("PodDisruptionBudget", ("spec", "maxUnavailable"), "50%", "0%", True),
        ("Service", ("spec", "type"), "ClusterIP", "ExternalName", True),
    ],
)
def test_the_direction_of_a_change(
    kind: str, path: tuple[str, ...], before: object, after: object, harmful: bool
) -> None:
    assert worsens(kind, Delta(path, before, after)) is harmful


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec.template.spec.dnsConfig", Aspect.DNS),
        ("spec.template.spec.nodeSelector.zone", Aspect.PLACEMENT),
        ("spec.template.spec.containers.web.image", Aspect.IMAGE),
        ("spec.template.spec.containers.web.livenessProbe.periodSeconds", Aspect.PROBE),
        ("spec.template.metadata.labels.app", Aspect.POD_LABELS),
        ("spec.progressDeadlineSeconds", Aspect.ROLLOUT),
        ("spec.jobTemplate.spec.template.spec.containers.web.args", Aspect.COMMAND),
    ],
)
def test_what_a_field_is_about(path: str, expected: Aspect) -> None:
    assert aspect("Deployment", Delta(tuple(path.split(".")), 1, 2)) is expected


def test_a_failed_attempt_of_a_moment_is_not_taken_for_good() -> None:
    world = application()
    live = world.find(SERVICE)
    states = []
    for number, (port, seconds) in enumerate([("http", 7200), ("bad", 62), ("worse", 60)]):
        live["spec"]["ports"][0]["targetPort"] = port
        states.append(state(live, SERVICE, seconds, number))
    (first, *_) = deviations(states, [Period(at(7000))], at(30))
    assert first.good.content is not None
    assert first.good.content["spec"]["ports"][0]["targetPort"] == "http"


def test_a_later_harmless_change_does_not_hide_the_earlier_one() -> None:
    """The last good state is tried first, then the one before it."""
    world = application()
    live = world.find(SERVICE)
    states = []
    for number, (port, seconds) in enumerate([("http", 7200), (9999, 900), (9999, 100)]):
        live["spec"]["ports"][0]["targetPort"] = port
        live["spec"]["sessionAffinity"] = "ClientIP" if seconds == 100 else "None"
        states.append(state(live, SERVICE, seconds, number))
    now = world.snapshot()
    past = Past.of(states, {target(): [Period(at(7000))]})
    plans = [h.plan for h in rank(hypotheses(case(now, past))) if h.plan]
    assert len(plans) == 2
    assert "targetPort" not in plans[0].model_dump_json() and "targetPort" in plans[1].model_dump_json()


def test_what_changed_before_the_target_existed_is_not_its_cause() -> None:
    world, before = wrong_port()
    world.find(target())["metadata"]["creationTimestamp"] = ago(20)
    assert not found(world, before, ago=60)


def created_policy(world: World, seconds: float) -> Past:
    before = everything(world)
    made = world.add(
        "NetworkPolicy", "deny",
        meta={"creationTimestamp": ago(seconds)},
        spec={"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]},
    )  # fmt: skip
    ref = ObjectRef(kind="NetworkPolicy", namespace=NS, name="deny")
    past = past_of(before, world.snapshot())
    return Past({**past.states, ref: (state(made, ref, seconds, 1),)}, past.health)


def test_a_policy_that_appeared_is_removed_by_name_and_uid() -> None:
    world = application()
    past = created_policy(world, 30)
    first: Hypothesis = rank(hypotheses(case(world.snapshot(), past)))[0]
    assert first.plan is not None
    (action,) = first.plan.actions
    assert isinstance(action, RemoveCreated) and action.expect.uid and action.revision.endswith("-1")


def test_a_policy_from_before_the_good_times_stays() -> None:
    world = application()
    past = created_policy(world, 7150)
    assert not hypotheses_with_plan(world, past)


def hypotheses_with_plan(world: World, past: Past) -> list[Hypothesis]:
    return [h for h in hypotheses(case(world.snapshot(), past)) if h.plan]


def test_pods_that_started_with_bad_values_are_replaced_and_a_change_that_none_has_met_is_innocent() -> None:
    for started, restarts in ((10.0, True), (3600.0, False)):
        world = application()
        before = everything(world)
        world.find(SETTINGS)["data"]["mode"] = "broken"
        for pod in (o for o in world.objects if o["kind"] == "Pod"):
            pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": ago(started)}}
        first = found(world, before)[0]
        if not restarts:  # nobody has met the change: it cannot be what the alert is about
            assert first.plan is None
            continue
        assert first.plan is not None
        assert any(isinstance(a, RestartRollout) for a in first.plan.actions)


def test_a_workload_that_repels_its_own_kind_goes_through_zero() -> None:
    rule = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/os"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [rule]}}
    world = World()
    no_node = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules."
    web = world.deployment(
        "web", Rev(template("web:1"), age=3600, wanted=0),
        Rev(template("web:1", affinity=affinity), [ready(), pending(no_node, since=20)], age=30),
    )  # fmt: skip
    symptom = Symptom(
        failure_type=FailureType.UNSCHEDULABLE, object=web, owner=web, message=no_node, since=at(20)
    )
    first = classify(case(world.snapshot(), Past(), symptom)).hypotheses[0]
    assert first.plan is not None
    assert [a.kind for a in first.plan.actions] == ["scale", "undo_rollout", "scale"]


def test_the_same_change_of_all_nodes_is_one_plan() -> None:
    world = World()
    refs = [ObjectRef(kind="Node", name=f"node-{i}") for i in (1, 2, 3)]
    before = {r: copy.deepcopy(world.find(r)) for r in refs}
    for r in refs:
        world.find(r)["spec"]["taints"] = [{"key": "blocked", "value": "yes", "effect": "NoSchedule"}]
    web = application()
    pod = next(o for o in web.objects if o["kind"] == "Pod")
    world.objects += [o for o in web.objects if o["kind"] != "Node"]
    said = "0/3 nodes are available: 3 node(s) had untolerated taint {blocked: yes}."
    pod["spec"].pop("nodeName")
    pod["status"]["conditions"] = [condition("PodScheduled", "False", 10, "Unschedulable", said)]
    now = world.snapshot()
    past = past_of(before, now)
    first = rank(hypotheses(case(now, past, complaint(FailureType.UNSCHEDULABLE, said))))[0]
    assert first.plan is not None and {a.object for a in first.plan.actions} == set(refs)


def test_a_template_with_which_the_workload_did_well_is_less_suspected() -> None:
    world = application()
    before = everything(world)
    world.find(target())["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "debug"
    past = past_of(before, world.snapshot(), 300)
    crash = complaint(FailureType.CRASH_LOOP)
    well = Past(past.states, {target(): (Period(at(7000), at(290)), Period(at(280), at(10)))})
    ill = Past(past.states, {target(): (Period(at(7000), at(290)),)})
    (less,), (more,) = (
        [h.confidence for h in hypotheses(case(world.snapshot(), p, crash))] for p in (well, ill)
    )
    assert less < 0.6 < more
    silent = complaint(FailureType.TRAFFIC)  # of errors that users see, healthy pods tell nothing
    same = [[h.confidence for h in hypotheses(case(world.snapshot(), p, silent))] for p in (well, ill)]
    assert same[0] == same[1]


def test_what_came_with_the_target_itself_was_not_created_into_it() -> None:
    world = application()
    policy = world.find(ObjectRef(kind="NetworkPolicy", namespace=NS, name="web"))
    policy["metadata"]["creationTimestamp"] = ago(298)
    past = Past.of([state(policy, ObjectRef(kind="NetworkPolicy", namespace=NS, name="web"), 298, 1)])
    early, late = (Past(past.states, {target(): (Period(at(t)),)}) for t in (300, 900))
    assert not hypotheses_with_plan(world, early)
    (plan,) = [h.plan for h in hypotheses_with_plan(world, late)]
    assert plan and [a.kind for a in plan.actions] == ["remove_created"]


def test_a_change_dates_from_when_its_field_became_what_it_is() -> None:
    """A node is drained and opened again, then all nodes are tainted: the taints are one change of one moment."""
    ref = ObjectRef(kind="Node", name="node-1")
    node: Manifest = {"kind": "Node", "metadata": {"name": "node-1"}, "spec": {}}
    taint = [{"key": "blocked", "effect": "NoSchedule"}]
    specs: tuple[Manifest, ...] = ({}, {"unschedulable": True}, {}, {"taints": taint})
    states = [
        state(node | {"spec": s}, ref, t, n)
        for n, (s, t) in enumerate(zip(specs, (7200, 100, 60, 20), strict=True))
    ]
    (first, *_) = deviations(states, [Period(at(7200))], at(10))
    assert first.first is states[1]
    assert turned(states, first, first.changes) is states[3]


@pytest.mark.parametrize(("replicas", "acts"), [(1, False), (0, True)])
def test_fewer_replicas_explain_errors_less_than_none(replicas: int, acts: bool) -> None:
    world = application()
    world.objects = [o for o in world.objects if o["kind"] != "HorizontalPodAutoscaler"]
    world.find(target())["spec"]["replicas"] = 2
    before = everything(world)
    world.find(target())["spec"]["replicas"] = replicas
    first = found(world, before)[0]
    assert (first.plan is not None) is acts


def test_what_is_gone_is_suspected_by_whom_it_serves_today() -> None:
    """Its caller has called it only since a change of its own."""
    world = World()
    waits = template(
        "db:1", "db", initContainers=[{"name": "wait", "image": "wait:1", "args": ["queue:4222"]}]
    )
    db = world.stateful_set("db", Rev("db:1", [], age=900), Rev(waits, [ready()], age=600))
    queue = ObjectRef(kind="Service", namespace=NS, name="queue")
    was = {
        "kind": "Service",
        "metadata": {"name": "queue", "namespace": NS},
        "spec": {"ports": [{"port": 4222}]},
    }
    now = world.find(db)
    before = copy.deepcopy(now)
    before["spec"]["template"]["spec"].pop("initContainers")
    states = [
        state(was, queue, 900, 1),
        state(None, queue, 20, 2),
        state(before, db, 900, 1),
        state(now, db, 600, 2),
    ]
    past = Past.of(states, {db: (Period(at(800), at(20)),)})
    crash = Symptom(
        failure_type=FailureType.CRASH_LOOP, object=db, owner=db, message="no answer", since=at(15)
    )
    (first, *_) = rank(hypotheses(case(world.snapshot(), past, crash, about=db)))
    assert first.plan is not None and {a.object for a in first.plan.actions} == {queue}


def test_notes_and_labels_of_an_ingress_that_had_none_are_no_change_of_it() -> None:
    world = application()
    before = everything(world)
    meta = world.find(ObjectRef(kind="Ingress", namespace=NS, name="web"))["metadata"]
    meta.update(labels={"inventory": "7"}, annotations={"prometheus.io/scrape": "true", "owner": "team"})
    assert not [h for h in found(world, before) if h.plan]


def test_a_quota_that_was_created_is_suspected_in_its_own_incident() -> None:
    world = application()
    quota = world.add(
        "ResourceQuota", "team", spec={"hard": {"pods": "1"}}, meta={"creationTimestamp": ago(20)}
    )
    ref = ObjectRef(kind="ResourceQuota", namespace=NS, name="team")
    past = Past.of([state(quota, ref, 20, 1)], {target(): (Period(at(900), at(15)),)})
    used = Symptom(failure_type=FailureType.QUOTA, object=ref, owner=ref, message="used up", since=at(15))
    (first, *_) = rank(hypotheses(case(world.snapshot(), past, used, about=ref)))
    assert first.plan is not None and [a.kind for a in first.plan.actions] == ["remove_created"]
