"""Every action on real objects: prepared without a trace, applied exactly once, undone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from suture.domain.action import (
    Action,
    AdjustResources,
    Cordon,
    DeleteObject,
    DeletePod,
    Expect,
    Patch,
    Receipt,
    RecreateObject,
    RestartRollout,
    Scale,
    Uncordon,
    UndoRollout,
)
from suture.domain.errors import PreconditionFailed, TargetNotFound, Unavailable
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.sealing import Sealer
from suture.targets.kubernetes import Client, KubernetesCluster
from suture.targets.kubernetes.diff import comparable
from suture.targets.kubernetes.kinds import kind_of
from tests.kubernetes.harness import Ledger, WatchedClient, after_restart, create, merge, observed, pod_of
from tests.kubernetes.objects import PASSWORD, config_map, ref, secret, workload

pytestmark = pytest.mark.cluster


@dataclass
class World:
    """What a case needs to set its object up."""

    admin: Client
    ledger: Ledger
    sealer: Sealer
    namespace: str

    async def deploy(self, kind: str = "Deployment", image: str = "web:1") -> Manifest:
        await create(self.admin, workload(kind, self.namespace, image))
        return await observed(self.admin, ref(kind, self.namespace))

    async def release(self, kind: str, image: str) -> Manifest:
        """Another image, as a person would roll it out."""
        live = await self.admin.get(ref(kind, self.namespace))
        live["spec"]["template"]["spec"]["containers"][0]["image"] = image
        await merge(self.admin, ref(kind, self.namespace), {"spec": {"template": live["spec"]["template"]}})
        return await observed(self.admin, ref(kind, self.namespace))


@pytest.fixture
def world(admin: Client, ledger: Ledger, sealer: Sealer, namespace: str) -> World:
    return World(admin, ledger, sealer, namespace)


async def scale(w: World) -> Action:
    await w.deploy()
    return Scale(object=ref("Deployment", w.namespace), replicas=3)


async def restart(w: World) -> Action:
    await w.deploy("StatefulSet")
    return RestartRollout(object=ref("StatefulSet", w.namespace))


def undo_of(kind: str) -> Callable[[World], Awaitable[Action]]:
    async def undo(w: World) -> Action:
        await w.deploy(kind)
        await w.release(kind, "web:bad")
        return UndoRollout(object=ref(kind, w.namespace))

    undo.__name__ = f"undo_{kind}"
    return undo


async def adjust(w: World) -> Action:
    await w.deploy("DaemonSet")
    limits = {"memory": "256Mi"}
    return AdjustResources(
        object=ref("DaemonSet", w.namespace), container="web", limits=limits, requests={"cpu": "50m"}
    )


async def strategic(w: World) -> Action:
    await w.deploy()
    container = {"name": "web", "image": "web:2", "env": [{"name": "NEW", "value": "1"}]}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return Patch(object=ref("Deployment", w.namespace), body=body)


async def only_removing(w: World) -> Action:
    """A write that takes ownership of nothing, so that the server notes no manager for it."""
    await create(w.admin, config_map(w.namespace, mode="slow", extra="1"))
    body = {"data": {"extra": None}}
    return Patch(object=ref("ConfigMap", w.namespace, "settings"), patch_type="merge", body=body)


async def json_patch(w: World) -> Action:
    await create(w.admin, config_map(w.namespace, mode="slow"))
    body = [
        {"op": "test", "path": "/data/mode", "value": "slow"},
        {"op": "replace", "path": "/data/mode", "value": "fast"},
    ]
    return Patch(object=ref("ConfigMap", w.namespace, "settings"), patch_type="json", body=body)


async def on_secret(w: World) -> Action:
    await create(w.admin, secret(w.namespace, password="broken"))
    body = {"data": {"password": w.sealer.seal("aHVudGVyMi12ZXJ5LXNlY3JldA==")}}
    return Patch(object=ref("Secret", w.namespace, "login"), patch_type="merge", body=body)


async def delete_pod(w: World) -> Action:
    await w.deploy()
    pod = await pod_of(w.admin, w.namespace)
    return DeletePod(object=ref("Pod", w.namespace, pod["metadata"]["name"]), grace_seconds=0)


async def recreate(w: World) -> Action:
    sealed = secret(w.namespace) | {"data": {"password": w.sealer.seal("aHVudGVyMi12ZXJ5LXNlY3JldA==")}}
    del sealed["stringData"]
    w.ledger.revisions["r1"] = sealed
    return RecreateObject(object=ref("Secret", w.namespace, "login"), revision="r1")


async def delete_object(w: World) -> Action:
    made = await create(w.admin, config_map(w.namespace, mode="slow"))
    expect = Expect(uid=made["metadata"]["uid"])
    return DeleteObject(object=ref("ConfigMap", w.namespace, "settings"), expect=expect)


CASES = [
    scale, restart, undo_of("Deployment"), undo_of("StatefulSet"), undo_of("DaemonSet"), adjust, strategic,
    only_removing, json_patch, on_secret, delete_pod, recreate, delete_object,
]  # fmt: skip
case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
Case = Callable[[World], Awaitable[Action]]


async def wish_of(admin: Client, ref: ObjectRef) -> Manifest | None:
    """The object without status and bookkeeping; None when it is not there."""
    try:
        return comparable(await admin.get(ref))
    except TargetNotFound:
        return None


def without_revision(wish: Manifest | None) -> Manifest | None:
    """Controllers count rollouts in an annotation."""
    for field in ("annotations",) if wish else ():
        wish["metadata"].pop(field, None)  # type: ignore[index]
    return wish


@case
async def test_applied_thrice_is_applied_once(
    case: Case, world: World, cluster: KubernetesCluster, client: WatchedClient
) -> None:
    action = await case(world)
    before = await wish_of(world.admin, action.object)
    prepared = await cluster.prepare(action, "incident/1")
    assert prepared.changed and prepared.changes and prepared.done_at is None
    assert client.writes == [] and await wish_of(world.admin, action.object) == before
    first = await cluster.apply(after_restart(prepared))
    assert first.done_at and len(client.writes) == 1
    after = await wish_of(world.admin, action.object)
    assert after != before
    again = await cluster.apply(after_restart(prepared))
    assert again.undo == first.undo and again.uid == first.uid
    await cluster.apply(after_restart(first))
    if not isinstance(action, DeletePod | DeleteObject | RecreateObject):
        assert len(client.writes) == 1
    assert without_revision(await wish_of(world.admin, action.object)) == without_revision(after)


@case
async def test_killed_after_the_write(
    case: Case, world: World, cluster: KubernetesCluster, client: WatchedClient
) -> None:
    """The server has done it, but the worker died before it heard so."""
    action = await case(world)
    prepared = await cluster.prepare(action, "incident/1")
    client.lose_next_answer = True
    with pytest.raises(Unavailable):
        await cluster.apply(after_restart(prepared))
    after = await wish_of(world.admin, action.object)
    done = await cluster.apply(after_restart(prepared))
    assert done.done_at
    assert without_revision(await wish_of(world.admin, action.object)) == without_revision(after)
    if isinstance(action, RecreateObject):
        assert done.undo


@case
async def test_two_workers_at_once(case: Case, world: World, cluster: KubernetesCluster) -> None:
    action = await case(world)
    prepared = await cluster.prepare(action, "incident/1")
    both = await asyncio.gather(*(cluster.apply(after_restart(prepared)) for _ in range(2)))
    assert all(r.done_at for r in both)
    if prepared.generation and not isinstance(action, DeletePod | DeleteObject):
        live = await world.admin.get(action.object)
        assert live["metadata"]["generation"] == prepared.generation + 1


UNDONE = [c for c in CASES if c not in (restart, delete_pod, delete_object)]


@pytest.mark.parametrize("case", UNDONE, ids=lambda c: c.__name__)
async def test_undone(case: Case, world: World, cluster: KubernetesCluster) -> None:
    action = await case(world)
    before = await wish_of(world.admin, action.object)
    receipt = await cluster.apply(await cluster.prepare(action, "incident/1"))
    if isinstance(action, UndoRollout):
        await observed(world.admin, action.object)
    assert len(receipt.undo) == 1 and receipt.undo[0].expect.uid
    back = await cluster.prepare(receipt.undo[0], "incident/1/undo")
    await cluster.apply(after_restart(back))
    await cluster.apply(after_restart(back))
    assert without_revision(await wish_of(world.admin, action.object)) == without_revision(before)


@case
async def test_no_secret_in_a_receipt(case: Case, world: World, cluster: KubernetesCluster) -> None:
    receipt = await cluster.apply(await cluster.prepare(await case(world), "incident/1"))
    text = receipt.model_dump_json()
    assert PASSWORD not in text and "aHVudGVyMi12ZXJ5LXNlY3JldA" not in text and "YnJva2Vu" not in text


@case
async def test_dry_run_changes_nothing(
    case: Case, world: World, cluster: KubernetesCluster, client: WatchedClient
) -> None:
    prepared = await cluster.prepare(await case(world), "incident/1", dry_run=True)
    assert prepared.dry_run and prepared.changes
    told = await cluster.apply(prepared)
    assert "nothing was changed" in told.note and told.done_at is None and client.writes == []


@case
async def test_another_object_of_the_same_name(case: Case, world: World, cluster: KubernetesCluster) -> None:
    action = await case(world)
    if isinstance(action, RecreateObject):  # there is no object yet, so there is no other either
        assert action.expect.uid is None
        return
    other = action.model_copy(update={"expect": Expect(uid="another")})
    with pytest.raises(PreconditionFailed, match="replaced by another object"):
        await cluster.prepare(other, "incident/1")


@case
async def test_the_target_is_gone(case: Case, world: World, cluster: KubernetesCluster) -> None:
    action = await case(world)
    prepared = await cluster.prepare(action, "incident/1")
    if isinstance(action, RecreateObject):
        return
    await world.admin.delete(action.object, uid=prepared.uid or "", grace_seconds=0)
    await gone(world.admin, action.object)
    if isinstance(action, DeletePod | DeleteObject):
        assert (await cluster.apply(prepared)).done_at
    else:
        with pytest.raises(TargetNotFound):
            await cluster.apply(prepared)
    with pytest.raises(TargetNotFound):
        await cluster.prepare(action, "incident/2")


async def gone(admin: Client, ref: ObjectRef) -> None:
    for _ in range(100):
        if await wish_of(admin, ref) is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{ref} is still there")


CHANGED = [c for c in CASES if c not in (delete_pod, recreate, delete_object)]


@pytest.mark.parametrize("case", CHANGED, ids=lambda c: c.__name__)
async def test_somebody_changed_it_in_between(
    case: Case, world: World, cluster: KubernetesCluster, client: WatchedClient
) -> None:
    action = await case(world)
    prepared = await cluster.prepare(action, "incident/1")
    await merge(world.admin, action.object, OTHER_CHANGE[action.object.kind])
    with pytest.raises(PreconditionFailed, match="changed since the action was prepared"):
        await cluster.apply(prepared)
    assert client.writes == []


NEW_IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:9"}]}}}}
OTHER_CHANGE: dict[str, Manifest] = {
    "Deployment": NEW_IMAGE,
    "StatefulSet": NEW_IMAGE,
    "DaemonSet": NEW_IMAGE,
    "ConfigMap": {"data": {"mode": "other", "extra": "other"}},
    "Secret": {"data": {"password": "b3RoZXI="}},
}


async def test_cordon_and_uncordon(world: World, cluster: KubernetesCluster, client: WatchedClient) -> None:
    node = (await world.admin.list(kind_of("Node")))[-1]["metadata"]["name"]
    target = ObjectRef(kind="Node", name=node)
    prepared = await cluster.prepare(Cordon(object=target), "incident/1")
    await merge(
        world.admin, target, {"metadata": {"annotations": {"seen": "1"}}}
    )  # no generation, other field: harmless
    receipt = await cluster.apply(prepared)
    assert (await world.admin.get(target))["spec"]["unschedulable"] is True
    assert isinstance(receipt.undo[0], Uncordon)
    back = await cluster.prepare(receipt.undo[0], "incident/1/undo")
    await cluster.apply(back)
    await cluster.apply(back)
    assert "unschedulable" not in (await world.admin.get(target))["spec"]
    assert len(client.writes) == 2
    assert (await cluster.prepare(Uncordon(object=target), "incident/2")).changed is False
    await merge(world.admin, target, {"metadata": {"annotations": {"seen": None}}})


async def test_nothing_to_change(world: World, cluster: KubernetesCluster, client: WatchedClient) -> None:
    await world.deploy()
    receipt = await cluster.prepare(
        Scale(object=ref("Deployment", world.namespace), replicas=1), "incident/1"
    )
    assert not receipt.changed and not receipt.undo and not receipt.changes
    assert (await cluster.apply(receipt)).done_at and client.writes == []


async def test_no_trace_but_the_manager(world: World, cluster: KubernetesCluster) -> None:
    """What a strict judge compares: labels, annotations and the rest of the object are as before."""
    await world.deploy()
    target = ref("Deployment", world.namespace)
    before = comparable(await world.admin.get(target))
    await cluster.apply(await cluster.prepare(Scale(object=target, replicas=2), "incident/1"))
    live = await world.admin.get(target)
    after = comparable(live)
    after["spec"]["replicas"] = 1
    assert after == before
    assert any(m["manager"].startswith("suture-") for m in live["metadata"]["managedFields"])


async def test_expected_generation(world: World, cluster: KubernetesCluster) -> None:
    live = await world.deploy()
    target = ref("Deployment", world.namespace)
    expect = Expect(uid=live["metadata"]["uid"], generation=live["metadata"]["generation"])
    await cluster.prepare(Scale(object=target, replicas=2, expect=expect), "incident/1")
    await merge(world.admin, target, {"spec": {"replicas": 4}})
    with pytest.raises(PreconditionFailed, match="changed since it was diagnosed"):
        await cluster.prepare(Scale(object=target, replicas=2, expect=expect), "incident/1")


async def test_expected_resource_version(world: World, cluster: KubernetesCluster) -> None:
    made = await create(world.admin, config_map(world.namespace, mode="slow"))
    target = ref("ConfigMap", world.namespace, "settings")
    expect = Expect(resource_version=made["metadata"]["resourceVersion"])
    action = Patch(object=target, patch_type="merge", body={"data": {"mode": "fast"}}, expect=expect)
    await cluster.prepare(action, "incident/1")
    await merge(world.admin, target, {"data": {"other": "1"}})
    with pytest.raises(PreconditionFailed, match="changed since it was diagnosed"):
        await cluster.prepare(action, "incident/1")


async def test_the_receipt_tells_what_changes(world: World, cluster: KubernetesCluster) -> None:
    receipt: Receipt = await cluster.prepare(await strategic(world), "incident/1")
    assert receipt.changes == {
        "spec.template.spec.containers.web.image": ("web:1", "web:2"),
        "spec.template.spec.containers.web.env.NEW": (None, {"name": "NEW", "value": "1"}),
    }
    assert json.loads(receipt.model_dump_json())["undo"][0]["kind"] == "patch"
