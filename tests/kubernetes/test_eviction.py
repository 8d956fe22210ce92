"""Pods are taken away through the eviction API: the server itself holds the engine to disruption budgets."""

from __future__ import annotations

import asyncio

import pytest

from suture.domain.action import DeletePod
from suture.domain.errors import Forbidden, TargetNotFound
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef
from suture.targets.kubernetes import Client, KubernetesCluster
from tests.kubernetes.harness import WatchedClient, create, merge, pod_of
from tests.kubernetes.objects import ref, workload

pytestmark = pytest.mark.cluster


async def budget(admin: Client, namespace: str, **spec: object) -> ObjectRef:
    """A budget that its controller has looked at."""
    made = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }
    await create(admin, made)
    about = ref("PodDisruptionBudget", namespace)
    async with asyncio.timeout(60):
        while (
            dig(live := await admin.get(about), "status.observedGeneration") != live["metadata"]["generation"]
        ):
            await asyncio.sleep(0.2)
    return about


async def running(admin: Client, namespace: str) -> Manifest:
    async with asyncio.timeout(60):
        while not dig(pod := await pod_of(admin, namespace), "spec.nodeName") or (
            dig(pod, "status.phase") != "Running"
        ):
            await asyncio.sleep(0.2)
    return pod


async def test_a_budget_without_room_is_the_last_word(
    cluster: KubernetesCluster, client: WatchedClient, admin: Client, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    pod = await running(admin, namespace)
    await budget(admin, namespace, minAvailable=1)
    target = ref("Pod", namespace, pod["metadata"]["name"])
    with pytest.raises(Forbidden, match="disruption budget"):
        await cluster.prepare(DeletePod(object=target), "k")
    assert client.writes == []
    assert (await admin.get(target))["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_a_budget_that_closes_after_the_preparation_counts(
    cluster: KubernetesCluster, admin: Client, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    pod = await running(admin, namespace)
    target = ref("Pod", namespace, pod["metadata"]["name"])
    receipt = await cluster.prepare(DeletePod(object=target), "k")
    await budget(admin, namespace, maxUnavailable=0)
    with pytest.raises(Forbidden, match="disruption budget"):
        await cluster.apply(receipt)
    assert not (await admin.get(target))["metadata"].get("deletionTimestamp")


async def test_a_budget_with_room_lets_it_go_once(
    cluster: KubernetesCluster, client: WatchedClient, admin: Client, namespace: str
) -> None:
    await create(admin, workload("Deployment", namespace))
    pod = await running(admin, namespace)
    await budget(admin, namespace, minAvailable=0)
    target = ref("Pod", namespace, pod["metadata"]["name"])
    receipt = await cluster.prepare(DeletePod(object=target, grace_seconds=1), "k")
    assert (await cluster.apply(receipt)).done_at
    assert (await cluster.apply(receipt)).done_at
    assert client.writes == [f"evict Pod/{namespace}/{target.name}"]
    assert await gone(admin, target)


async def test_a_pod_of_a_silent_node_needs_no_budget(
    cluster: KubernetesCluster, client: WatchedClient, admin: Client, namespace: str
) -> None:
    """Its node is unknown to the server here, as after a machine was removed for good."""
    await create(admin, workload("Deployment", namespace, replicas=0))
    await budget(admin, namespace, maxUnavailable=0)
    bound = workload("Deployment", namespace)["spec"]["template"]["spec"] | {"nodeName": "gone-for-good"}
    await merge(admin, ref("Deployment", namespace), {"spec": {"replicas": 1, "template": {"spec": bound}}})
    pod = await pod_of(admin, namespace)
    target = ref("Pod", namespace, pod["metadata"]["name"])
    receipt = await cluster.prepare(DeletePod(object=target, grace_seconds=0), "k")
    await cluster.apply(receipt)
    assert client.writes == [f"delete Pod/{namespace}/{target.name}"]


async def gone(admin: Client, target: ObjectRef) -> bool:
    async with asyncio.timeout(60):
        while True:
            try:
                await admin.get(target)
            except TargetNotFound:
                return True
            await asyncio.sleep(0.2)
