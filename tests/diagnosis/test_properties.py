"""What must hold for any cluster: nothing raises, healthy workloads have no symptoms, plans stay in the
neighbourhood.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.diagnosis.case import Case
from suture.diagnosis.checks import evaluate, healthy, regressions
from suture.diagnosis.classify import classify, wanted_revisions
from suture.diagnosis.detect import detect
from suture.diagnosis.grace import RECHECK_MOST
from suture.diagnosis.resolve import resolve
from suture.diagnosis.symptoms import symptoms, troubles
from suture.domain.diagnosis import FailureType, Health, Symptom
from suture.domain.plan import Exists, WorkloadHealthy
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import (
    NOW,
    NS,
    PodState,
    Rev,
    World,
    at,
    came_back,
    condition,
    crash,
    deleting,
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

NO_NODE = "0/3 nodes are available: 1 Insufficient memory, 2 node(s) were unschedulable."
STATES: list[PodState] = [
    ready(),
    ready(since=5, restarts=4),
    pulling(),
    crash(),
    crash(restarts=1, last=2),
    oom(),
    came_back(),
    pending(NO_NODE),
    unready(since=60),
    waiting("ContainerCreating"),
    waiting("CreateContainerConfigError", 'configmap "settings" not found'),
    deleting(crash(), over=30),
    on("node-2", deleting(ready(), over=30)),
    on("node-2", unready(since=90)),
]
SPECS: list[dict[str, Any]] = [
    {},
    {"volumes": [{"name": "c", "configMap": {"name": "settings"}}]},
    {"container": {"resources": {"limits": {"memory": "64Mi"}}}},
    {"nodeSelector": {"a": "b"}},
]
FEW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

pods = st.lists(st.sampled_from(STATES), max_size=3)
templates = st.builds(
    lambda image, spec: template(image, **copy.deepcopy(spec)),
    st.sampled_from(["web:1", "web:2"]),
    st.sampled_from(SPECS),
)
revs = st.lists(st.builds(Rev, templates, pods, st.sampled_from([5.0, 60.0, 9e4])), min_size=1, max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A namespace with a deployment, a stateful set and a daemon set, each in any state."""
    world = World()
    if draw(st.booleans()):
        world.node("node-2", draw(st.sampled_from(["Unknown", "False"])), 120)
    late = {
        "conditions": [
            condition("Progressing", "False", 5, "ProgressDeadlineExceeded"),
            condition("ReplicaFailure", "True", 5, "FailedCreate", "exceeded quota"),
        ]
    }
    world.deployment("web", *draw(revs), status=draw(st.sampled_from([{}, late])))
    world.stateful_set("db", *draw(revs))
    world.daemon_set("agent", *draw(revs))
    world.service("web", app="web")
    world.add("LimitRange", "caps", spec={"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]})
    pod = next((o for o in world.objects if o["kind"] == "Pod"), None)
    if pod:
        world.event(pod, "BackOff", "Back-off restarting failed container web")
    return world


def everything(snapshot: Snapshot, asked: list[ObjectRef]) -> None:
    """Call all that diagnosis offers, and check what holds of any answer."""
    found = troubles(snapshot, NOW)
    for ref in asked:
        healthy(snapshot, ref)
        reports = [report(ref, "TargetDown", job=ref.name, pod=ref.name)]
        resolve(snapshot, reports[0].labels, ref.namespace)
        detection = detect(snapshot, target(ref), reports, NOW, at(60))
        assert (detection.health is Health.SETTLING) == (0 < detection.recheck_seconds <= RECHECK_MOST)
        wanted = wanted_revisions(snapshot, ref, detection.symptoms)
        case = Case(snapshot, ref, detection.symptoms, dict.fromkeys(wanted, "r1"), now=NOW)
        result = classify(case)
        assert bool(result.hypotheses) == bool(detection.symptoms)
        assert [h.confidence for h in result.hypotheses] == sorted(
            (h.confidence for h in result.hypotheses), reverse=True
        )
        signatures = [h.plan.signature for h in result.hypotheses if h.plan]
        assert len(signatures) == len(set(signatures))
        for plan in (h.plan for h in result.hypotheses if h.plan):
            regressions(found, found, plan)
            for check in plan.checks:
                evaluate(snapshot, check, NOW)


def neighbourhood(snapshot: Snapshot, ref: ObjectRef, wanted: list[ObjectRef]) -> set[ObjectRef]:
    nodes = {ref_of(n) for n in snapshot.all("Node")}
    return {ref, *map(ref_of, snapshot.pods_of(ref)), *wanted, *nodes}


@FEW
@given(worlds())
def test_plans_stay_in_the_neighbourhood_of_their_target_and_are_guarded(world: World) -> None:
    snapshot = world.snapshot()
    for name, kind in (("web", "Deployment"), ("db", "StatefulSet"), ("agent", "DaemonSet")):
        ref = ObjectRef(kind=kind, namespace=NS, name=name)
        found = symptoms(snapshot, ref, NOW)
        wanted = wanted_revisions(snapshot, ref, found)
        near = neighbourhood(snapshot, ref, wanted)
        for h in classify(Case(snapshot, ref, found, dict.fromkeys(wanted, "r1"), now=NOW)).hypotheses:
            for action in h.plan.actions if h.plan else ():
                assert action.object in near
                assert action.object in wanted or action.expect.uid
                assert action.kind != "delete_object"
            assert not h.plan or any(isinstance(c, WorkloadHealthy | Exists) for c in h.plan.checks)


@FEW
@given(
    counts=st.lists(st.integers(0, 4), min_size=3, max_size=3),
    age=st.sampled_from([10.0, 3600.0]),
    after=st.floats(0, 9),
    restarts=st.sampled_from([0, 1, 2]),
)
def test_healthy_workloads_have_no_symptoms(
    counts: list[int], age: float, after: float, restarts: int
) -> None:
    world = World()
    state = ready(after, since=None if not restarts else 70, restarts=restarts)
    owners = [
        world.deployment("web", Rev("web:1", [], age=9e4), Rev("web:2", [state] * counts[0], age=age)),
        world.stateful_set("db", Rev("db:1", [state] * counts[1], age=age)),
        world.daemon_set("agent", Rev("agent:1", [state] * counts[2], age=age)),
    ]
    assert troubles(world.snapshot(), NOW) == []
    for ref in owners:
        assert detect(world.snapshot(), target(ref), [report(ref)], NOW, at(60)).health is Health.HEALTHY


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**12)
    | st.sampled_from(["", "x", "Unknown", "True", "0001-01-01T00:00:00Z", "1Gi"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "state", "reason", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
IDENTITY = {"kind", "name", "namespace", "uid", "ownerReferences"}


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a manifest that a server does not guarantee."""
    inner = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    kept = [(k, v) for k, v in inner if not (path in ((), ("metadata",)) and k in IDENTITY)]
    here = [(*path, k) for k, _ in kept if (*path, k) != ("metadata",)]
    return here + [s for k, v in kept for s in spots(v, (*path, k))]


def spoil(manifest: Manifest, path: tuple[Any, ...], put: Any) -> None:
    for part in path[:-1]:
        manifest = manifest[part]
    manifest[path[-1]] = put


@FEW
@given(worlds(), st.data())
def test_malformed_manifests_never_raise(world: World, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 12))):
        manifest = data.draw(st.sampled_from(world.objects))
        spoil(manifest, data.draw(st.sampled_from(spots(manifest) or [("spec",)])), data.draw(ANYTHING))
    snapshot = world.snapshot()
    everything(snapshot, [ref_of(o) for o in world.objects if o["kind"] != "Event"][:40])


KINDS = [
    *("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Node", "Job", "CronJob", "Service"),
    *("Event", "HorizontalPodAutoscaler", "Ingress", "Secret"),
]


@FEW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            ANYTHING,
            ANYTHING,
        ),
        max_size=8,
    )
)
def test_objects_of_any_shape_never_raise(shapes: list[tuple[str, Any, Any]]) -> None:
    world = World(nodes=1)
    above: Manifest | None = None
    for i, (kind, spec, status) in enumerate(shapes):
        above = world.add(kind, f"o{i}", "" if kind == "Node" else NS, owner=above, spec=spec, status=status)
    everything(world.snapshot(), [ref_of(o) for o in world.objects])


@FEW
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "pod",
                "deployment",
                "service",
                "job",
                "node",
                "instance",
                "workload",
                "exported_pod",
                "container",
            ]
        ),
        st.text(max_size=20),
    )
)
def test_labels_of_any_kind_never_raise(labels: dict[str, str]) -> None:
    world = World()
    world.deployment("web", Rev("web:1", [ready()]))
    resolve(world.snapshot(), labels, NS)


@FEW
@given(worlds(), st.sampled_from(list(FailureType)))
def test_any_symptom_about_any_object_can_be_classified(world: World, kind: FailureType) -> None:
    snapshot = world.snapshot()
    for ref in [ref_of(o) for o in world.objects][:12]:
        stray = Symptom(failure_type=kind, object=ref, owner=ref, container="web")
        assert classify(Case(snapshot, ref, [stray], now=NOW)).hypotheses
