"""What an action refuses before it does anything, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from suture.domain.action import (
    AdjustResources,
    DeleteObject,
    DeletePod,
    Expect,
    Patch,
    RecreateObject,
    RestartRollout,
    Scale,
    UndoRollout,
)
from suture.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    Irreversible,
    PreconditionFailed,
    TargetNotFound,
)
from suture.sealing import Sealer
from suture.targets.kubernetes import Client, KubernetesCluster
from tests.kubernetes.harness import Ledger, WatchedClient, as_account, create, merge, observed, pod_of
from tests.kubernetes.objects import PASSWORD, config_map, ref, secret, template, workload

pytestmark = pytest.mark.cluster


async def test_a_pod_without_controller_is_not_deleted(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lonely", "namespace": namespace}}
    await create(admin, {**pod, "spec": template()["spec"]})
    with pytest.raises(PreconditionFailed, match="has no controller"):
        await cluster.prepare(DeletePod(object=ref("Pod", namespace, "lonely")), "k")


async def test_a_pod_whose_controller_is_gone_is_not_deleted(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "gone",
        "uid": "no-such",
        "controller": True,
    }
    meta = {"name": "orphan", "namespace": namespace, "ownerReferences": [owner]}
    await create(admin, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template()["spec"]})
    with pytest.raises((PreconditionFailed, TargetNotFound)):  # the garbage collector may be faster
        await cluster.prepare(DeletePod(object=ref("Pod", namespace, "orphan")), "k")


async def test_a_pod_on_its_way_out_is_left_alone(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    await create(admin, workload("ReplicaSet", namespace))
    pod = await pod_of(admin, namespace)
    target = ref("Pod", namespace, pod["metadata"]["name"])
    await merge(admin, target, {"metadata": {"finalizers": ["example.com/wait"]}})
    await admin.delete(target, uid=pod["metadata"]["uid"])
    receipt = await cluster.prepare(DeletePod(object=target), "k")
    assert not receipt.changed and "being deleted already" in receipt.note
    assert (await cluster.prepare(DeletePod(object=target, grace_seconds=0), "k")).changed
    await merge(admin, target, {"metadata": {"finalizers": None}})


async def test_first_revision_has_nothing_before_it(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    target = ref("Deployment", namespace)
    await observed(admin, target)
    with pytest.raises(PreconditionFailed, match="no earlier revision"):
        await cluster.prepare(UndoRollout(object=target), "k")
    with pytest.raises(PreconditionFailed, match="no revision 7 any more; it has 1"):
        await cluster.prepare(UndoRollout(object=target, to_revision=7), "k")


async def test_a_restart_is_no_earlier_revision(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    target = ref("Deployment", namespace)
    await observed(admin, target)
    await cluster.apply(await cluster.prepare(RestartRollout(object=target), "k"))
    await observed(admin, target)
    with pytest.raises(PreconditionFailed, match="no earlier revision with another pod template"):
        await cluster.prepare(UndoRollout(object=target), "k2")


async def test_a_stateful_set_tells_of_its_broken_pods(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    target = ref("StatefulSet", namespace)
    await create(admin, workload("StatefulSet", namespace))
    await observed(admin, target)
    await merge(admin, target, {"spec": {"template": template("web:bad")}})
    await observed(admin, target)
    receipt = await cluster.prepare(UndoRollout(object=target), "k")
    assert "broken pod must be deleted" in receipt.note
    assert isinstance(receipt.action, UndoRollout) and receipt.action.to_revision == 1


async def test_paused(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, workload("Deployment", namespace, paused=True))
    for action in (RestartRollout, UndoRollout):
        with pytest.raises(PreconditionFailed, match="is paused"):
            await cluster.prepare(action(object=ref("Deployment", namespace)), "k")


async def test_wrong_kind(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, workload("DaemonSet", namespace))
    with pytest.raises(Invalid, match="works on Deployment, ReplicaSet, StatefulSet only"):
        await cluster.prepare(Scale(object=ref("DaemonSet", namespace), replicas=2), "k")


async def test_resources(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, workload("Deployment", namespace))
    target = ref("Deployment", namespace)
    with pytest.raises(PreconditionFailed, match="no container 'db'; it has web"):
        await cluster.prepare(AdjustResources(object=target, container="db", limits={"cpu": "1"}), "k")
    with pytest.raises(Invalid, match="server refuses"):
        await cluster.prepare(AdjustResources(object=target, container="web", limits={"cpu": "much"}), "k")
    more = AdjustResources(object=target, container="web", limits={"cpu": "1"}, requests={"cpu": "2"})
    with pytest.raises(Invalid, match="less than or equal"):
        await cluster.prepare(more, "k")


async def test_an_unknown_field_is_a_mistake(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    with pytest.raises(Invalid, match="unknown field"):
        await cluster.prepare(Patch(object=ref("Deployment", namespace), body={"spec": {"replica": 3}}), "k")


async def test_a_test_that_does_not_hold(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, config_map(namespace, mode="slow"))
    body = [{"op": "test", "path": "/data/mode", "value": "fast"}, {"op": "remove", "path": "/data/mode"}]
    with pytest.raises(PreconditionFailed, match="other values"):
        await cluster.prepare(
            Patch(object=ref("ConfigMap", namespace, "settings"), patch_type="json", body=body), "k"
        )


@pytest.mark.parametrize(
    ("patch_type", "body"),
    [
        ("merge", {"data": {"password": "cGxhaW4="}}),
        ("strategic", {"stringData": {"password": "plain"}}),
        ("json", [{"op": "add", "path": "/data/password", "value": "cGxhaW4="}]),
        ("json", [{"op": "replace", "path": "/data", "value": {"password": "cGxhaW4="}}]),
    ],
)
async def test_a_secret_is_never_patched_in_clear(
    admin: Client, cluster: KubernetesCluster, namespace: str, patch_type: str, body: object
) -> None:
    await create(admin, secret(namespace, password="broken"))
    target = {"kind": "Secret", "namespace": namespace, "name": "login"}
    with pytest.raises(Invalid, match="must be sealed"):
        await cluster.prepare(
            Patch.model_validate({"object": target, "patch_type": patch_type, "body": body}), "k"
        )


async def test_hashes_cannot_be_written(
    admin: Client, client: WatchedClient, ledger: Ledger, namespace: str
) -> None:
    await create(admin, secret(namespace, password="broken", user="admin"))
    hasher = Sealer(bytes(64), restorable=False)
    cluster = KubernetesCluster("default", client, hasher, ledger)
    target = ref("Secret", namespace, "login")
    with pytest.raises(Irreversible):
        await cluster.prepare(
            Patch(object=target, patch_type="merge", body={"data": {"a": hasher.seal("eA==")}}), "k"
        )
    receipt = await cluster.prepare(
        Patch(object=target, patch_type="merge", body={"data": {"user": None}}), "k"
    )
    assert receipt.changed and receipt.undo == [] and "cannot be undone" in receipt.note


async def test_recreate_only_what_is_missing(
    admin: Client, cluster: KubernetesCluster, ledger: Ledger, namespace: str
) -> None:
    ledger.revisions["r1"] = config_map(namespace, mode="slow")
    action = RecreateObject(object=ref("ConfigMap", namespace, "settings"), revision="r1")
    prepared = await cluster.prepare(action, "k")
    await create(admin, config_map(namespace, mode="other"))
    with pytest.raises(PreconditionFailed, match="exists by now"):
        await cluster.apply(prepared)
    with pytest.raises(PreconditionFailed, match="nothing to recreate"):
        await cluster.prepare(action, "k")
    with pytest.raises(TargetNotFound):
        await cluster.prepare(RecreateObject(object=ref("ConfigMap", namespace, "other"), revision="r9"), "k")
    with pytest.raises(PreconditionFailed, match="is of ConfigMap"):
        await cluster.prepare(RecreateObject(object=ref("ConfigMap", namespace, "other"), revision="r1"), "k")


async def test_delete_object_needs_a_uid(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, config_map(namespace, mode="slow"))
    with pytest.raises(PreconditionFailed, match="must name the object's uid"):
        await cluster.prepare(DeleteObject(object=ref("ConfigMap", namespace, "settings")), "k")


async def test_the_heir_is_never_deleted(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    target = ref("ConfigMap", namespace, "settings")
    uid = (await create(admin, config_map(namespace, mode="slow")))["metadata"]["uid"]
    prepared = await cluster.prepare(DeleteObject(object=target, expect=Expect(uid=uid)), "k")
    await admin.delete(target, uid=uid)
    heir = await create(admin, config_map(namespace, mode="new"))
    assert (await cluster.apply(prepared)).done_at
    assert (await admin.get(target))["metadata"]["uid"] == heir["metadata"]["uid"]


async def test_a_missing_permission_is_named(
    admin: Client, kubeconfig: str, namespace: str, ledger: Ledger, sealer: Sealer, tmp_path: Path
) -> None:
    await create(admin, workload("Deployment", namespace))
    rules = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]
    async with await as_account(admin, kubeconfig, namespace, rules, tmp_path) as limited:
        cluster = KubernetesCluster("default", limited, sealer, ledger)
        await cluster.ready()
        wanted = f"grant verb 'patch' on deployments.apps in namespace {namespace}"
        with pytest.raises(Forbidden, match=wanted):
            await cluster.prepare(Scale(object=ref("Deployment", namespace), replicas=2), "k")


async def test_an_admission_refusal_is_not_a_missing_permission(
    admin: Client, cluster: KubernetesCluster, namespace: str, ledger: Ledger
) -> None:
    quota = {"metadata": {"name": "q", "namespace": namespace}, "spec": {"hard": {"configmaps": "0"}}}
    await create(admin, {"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    ledger.revisions["r1"] = config_map(namespace, mode="slow")
    action = RecreateObject(object=ref("ConfigMap", namespace, "settings"), revision="r1")
    with pytest.raises(Invalid, match="exceeded quota"):
        for _ in range(50):  # the quota takes hold a moment after it was made
            await cluster.prepare(action, "k")
            await asyncio.sleep(0.1)


async def test_an_error_never_repeats_what_was_unsealed(
    admin: Client, cluster: KubernetesCluster, sealer: Sealer, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    container = {"name": "web", "imagePullPolicy": sealer.seal(PASSWORD)}  # the server quotes a wrong value
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    with pytest.raises(Invalid) as caught:
        await cluster.prepare(Patch(object=ref("Deployment", namespace), body=body), "k")
    assert "imagePullPolicy" in str(caught.value) and PASSWORD not in str(caught.value)


async def test_among_concurrent_writers(
    admin: Client, cluster: KubernetesCluster, client: WatchedClient, namespace: str
) -> None:
    """Others write the same object all the time; each key is carried out once, and nobody's write is lost."""
    target = ref("ConfigMap", namespace, "settings")
    await create(admin, config_map(namespace, ours="0"))

    async def others() -> int:
        count = 0
        while True:
            count += 1
            await merge(admin, target, {"data": {"theirs": str(count)}})
            await asyncio.sleep(0.005)

    writer = asyncio.create_task(others())
    try:
        for n in range(1, 11):
            body = {"data": {"ours": str(n)}}
            prepared = await cluster.prepare(Patch(object=target, patch_type="merge", body=body), f"k{n}")
            while True:
                try:
                    await cluster.apply(prepared)
                    break
                except Conflict:
                    continue
    finally:
        writer.cancel()
    live = await admin.get(target)
    assert live["data"]["ours"] == "10" and int(live["data"]["theirs"]) > 1
    assert len(client.writes) == 10
