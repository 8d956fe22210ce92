"""Healthy or not, per kind, and what broke elsewhere."""

from __future__ import annotations

import pytest

from suture.diagnosis.checks import evaluate, healthy, regressions
from suture.diagnosis.symptoms import troubles
from suture.domain.action import RestartRollout
from suture.domain.plan import Exists, FieldEquals, Plan, WorkloadHealthy
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import NOW, NS, Rev, World, ago, condition, crash, pulling, ready, unready


def _good(kind: str) -> tuple[World, ObjectRef, Manifest]:
    world = World()
    if kind == "Deployment":
        ref = world.deployment("web", Rev("web:1", [], age=9000), Rev("web:2", [ready(), ready()]))
    elif kind == "StatefulSet":
        ref = world.stateful_set("db", Rev("db:1", []), Rev("db:2", [ready(), ready()]))
    else:
        ref = world.daemon_set("agent", Rev("agent:1", [ready(), ready()]))
    return world, ref, world.find(ref)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_workload_is_healthy_only_when_every_count_agrees(kind: str) -> None:
    world, ref, manifest = _good(kind)
    assert healthy(world.snapshot(), ref).ok
    counts = [
        k for k in manifest["status"] if k not in ("updateRevision", "currentRevision", "unavailableReplicas")
    ]
    if kind == "StatefulSet":
        counts.remove("updatedReplicas")  # it counts only while a revision is being rolled out
    for name in counts:
        world, ref, manifest = _good(kind)
        manifest["status"][name] -= 1
        assert not healthy(world.snapshot(), ref).ok, name


def test_old_pods_still_there() -> None:
    world, ref, manifest = _good("Deployment")
    manifest["status"]["replicas"] = 3
    assert not healthy(world.snapshot(), ref).ok


def test_a_stateful_set_in_mid_rollout() -> None:
    world = World()
    ref = world.stateful_set("db", Rev("db:1", [ready()]), Rev("db:2", [ready()]))
    assert not healthy(world.snapshot(), ref).ok
    world.find(ref)["spec"]["updateStrategy"] = {"rollingUpdate": {"partition": 1}}
    assert healthy(world.snapshot(), ref).ok
    world.find(ref)["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert healthy(world.snapshot(), ref).ok


@pytest.mark.parametrize(
    ("kind", "body", "ok"),
    [
        ("Node", {"status": {"conditions": [condition("Ready", "True", 9)]}}, True),
        ("Node", {"status": {"conditions": [condition("Ready", "Unknown", 9)]}}, False),
        ("Job", {"status": {"conditions": [condition("Complete", "True", 9)]}}, True),
        ("Job", {"status": {"conditions": [condition("Failed", "True", 9)]}}, False),
        ("Job", {"status": {"active": 1}}, True),
        ("CronJob", {}, True),
        ("PersistentVolumeClaim", {"status": {"phase": "Bound"}}, True),
        (
            "PersistentVolumeClaim",
            {"status": {"phase": "Pending"}, "spec": {"storageClassName": "now"}},
            False,
        ),
        (
            "PersistentVolumeClaim",
            {"status": {"phase": "Pending"}, "spec": {"storageClassName": "late"}},
            True,
        ),
        ("PersistentVolumeClaim", {"status": {"phase": "Lost"}}, False),
        ("Service", {"spec": {"selector": {"app": "web"}}}, True),
        ("Service", {"spec": {"selector": {"app": "other"}}}, False),
        ("Service", {"spec": {"type": "ExternalName"}}, True),
        ("ConfigMap", {}, True),
        ("ReplicaSet", {"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}, True),
        ("ReplicaSet", {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}, False),
    ],
)
def test_other_kinds(kind: str, body: Manifest, ok: bool) -> None:
    world = World()
    world.deployment("web", Rev("web:1", [ready()]))
    world.add("StorageClass", "late", "", volumeBindingMode="WaitForFirstConsumer")
    world.add(kind, "it", "" if kind == "Node" else NS, **body)
    assert (
        healthy(world.snapshot(), ObjectRef(kind=kind, namespace="" if kind == "Node" else NS, name="it")).ok
        is ok
    )


@pytest.mark.parametrize(("state", "ok"), [(ready(), True), (unready(), False), (crash(), False)])
def test_pods(state: object, ok: bool) -> None:
    world = World()
    world.deployment("web", Rev("web:1", [state]))  # type: ignore[list-item]
    pod = next(o for o in world.objects if o["kind"] == "Pod")
    ref = ObjectRef(kind="Pod", namespace=NS, name=pod["metadata"]["name"])
    assert healthy(world.snapshot(), ref).ok is ok
    pod["metadata"]["deletionTimestamp"] = ago(1)
    assert not healthy(world.snapshot(), ref).ok


def test_evaluate() -> None:
    world, ref, manifest = _good("Deployment")
    gone = ObjectRef(kind="ConfigMap", namespace=NS, name="gone")
    manifest["spec"]["paused"] = True
    for check, ok in (
        (WorkloadHealthy(object=ref), True),
        (WorkloadHealthy(object=gone), False),
        (Exists(object=ref), True),
        (Exists(object=gone), False),
        (FieldEquals(object=ref, path="spec.replicas", value=2), True),
        (FieldEquals(object=ref, path="spec.replicas", value=3), False),
        (FieldEquals(object=ref, path="spec.paused", value=1), False),
        (FieldEquals(object=ref, path="spec.nothing", value=None), True),
        (FieldEquals(object=gone, path="data", value=None), False),
    ):
        result = evaluate(world.snapshot(), check, NOW)
        assert result.ok is ok, check
        assert str(check.object) in result.text


def test_regressions_are_new_troubles_of_others() -> None:
    world = World()
    ours = world.deployment("ours", Rev("ours:1", [crash()]))
    world.deployment("sick", Rev("sick:1", [crash()]))
    plan = Plan(actions=[RestartRollout(object=ours)], checks=[WorkloadHealthy(object=ours)])
    before = troubles(world.snapshot(), NOW)
    assert regressions(before, before, plan) == []
    other = world.deployment("other", Rev("other:1", [pulling()]))
    assert [s.owner for s in regressions(before, troubles(world.snapshot(), NOW), plan)] == [other]
    assert [s.owner for s in regressions([], before, plan)] == [
        ObjectRef(kind="Deployment", namespace=NS, name="sick")
    ]
