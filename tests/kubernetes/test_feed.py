"""The watch: in step with a real server, over gaps, without permissions, and with slow readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suture.domain.errors import TargetNotFound, Unavailable
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.ports import Change
from suture.sealing import Sealer, is_sealed
from suture.targets.kubernetes import Client, KubernetesCluster
from suture.targets.kubernetes import feed as feed_module
from suture.targets.kubernetes.cache import MOST_EVENTS, Cache, surplus_events
from suture.targets.kubernetes.client import Page, WatchEvent
from suture.targets.kubernetes.cluster import SHARED_SECONDS
from suture.targets.kubernetes.errors import Expired
from suture.targets.kubernetes.feed import Feed, Subscription
from suture.targets.kubernetes.kinds import Kind, kind_of
from tests.kubernetes.harness import Ledger, as_account, create, merge
from tests.kubernetes.objects import PASSWORD, config_map, ref, secret, workload

CONFIG = [kind_of("ConfigMap")]


@asynccontextmanager
async def running(feed: Feed | KubernetesCluster) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        await asyncio.wait_for(feed.synced(), 20)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    for _ in range(int(seconds * 50)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


async def heard(changes: AsyncIterator[list[Change]], wanted: ObjectRef) -> Change:
    """The next change of one object."""
    async with asyncio.timeout(10):
        async for batch in changes:
            for change in batch:
                if change.ref == wanted:
                    return change
    raise AssertionError("the feed ended")


@pytest.mark.cluster
async def test_changes_of_a_real_cluster(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    target = ref("ConfigMap", namespace, "settings")
    async with running(cluster):
        assert cluster.in_sync and not cluster.skipped
        changes = cluster.changes()
        made = await create(admin, config_map(namespace, mode="slow"))
        change = await heard(changes, target)
        assert change.previous is None and change.manifest and change.manifest["data"] == {"mode": "slow"}
        await merge(admin, target, {"data": {"mode": "fast"}})
        change = await heard(changes, target)
        assert change.previous and change.previous["data"] == {"mode": "slow"}
        assert change.manifest and change.manifest["metadata"]["managers"][-1][0] == "test"
        await asyncio.sleep(SHARED_SECONDS)  # those who look at the same moment share a snapshot
        assert (await cluster.snapshot(namespace)).find(target) == change.manifest
        await admin.delete(target, uid=made["metadata"]["uid"])
        assert (await heard(changes, target)).manifest is None
        await asyncio.sleep(SHARED_SECONDS)
        assert (await cluster.snapshot(namespace)).find(target) is None


@pytest.mark.cluster
async def test_cache_and_server_give_the_same_snapshot(
    admin: Client, cluster: KubernetesCluster, namespace: str
) -> None:
    async with running(cluster):
        await create(admin, config_map(namespace, mode="slow"))
        await create(admin, secret(namespace, password=PASSWORD))
        await until(lambda: cluster._feed.cache.get(ref("Secret", namespace, "login")) is not None)
        cached, fresh = await cluster.snapshot(namespace), await cluster.snapshot(namespace, fresh=True)
    for kind in ("ConfigMap", "Secret", "ServiceAccount", "StorageClass"):
        assert {o["metadata"]["name"]: o for o in cached.all(kind)} == {
            o["metadata"]["name"]: o for o in fresh.all(kind)
        }
    assert (
        not cached.all("ConfigMap", "kube-system") and len(cached.all("Node")) == len(fresh.all("Node")) > 0
    )


@pytest.mark.cluster
async def test_nothing_in_clear(admin: Client, cluster: KubernetesCluster, namespace: str) -> None:
    await create(admin, secret(namespace, password=PASSWORD))
    await create(admin, workload("Deployment", namespace))
    changes = cluster.changes()
    async with running(cluster):
        told = [await heard(changes, ref("Secret", namespace, "login"))]
        shots = [await cluster.snapshot(namespace, fresh) for fresh in (True, False)]
    said = json.dumps([[*shot] for shot in shots]) + "".join(c.model_dump_json() for c in told)
    assert PASSWORD not in said and "aHVudGVyMi12ZXJ5" not in said
    values = [(shot.get("Secret", namespace, "login") or {})["data"]["password"] for shot in shots]
    assert is_sealed(values[0]) and values[0] == values[1]


@pytest.mark.cluster
async def test_a_forgotten_version_is_a_gap_that_gets_compared(
    admin: Client, sealer: Sealer, namespace: str
) -> None:
    """What was changed, made and deleted while nobody watched is told after the server has answered 410."""
    feed = Feed(admin, sealer, [namespace], CONFIG)
    old = await create(admin, config_map(namespace, mode="slow"))
    gone = await create(
        admin, {**config_map(namespace), "metadata": {"name": "gone", "namespace": namespace}}
    )
    async with running(feed):
        assert feed.in_sync
    await admin.delete(ref("ConfigMap", namespace, "gone"), uid=gone["metadata"]["uid"])
    await merge(admin, ref("ConfigMap", namespace, "settings"), {"data": {"mode": "fast"}})
    await create(admin, {**config_map(namespace), "metadata": {"name": "new", "namespace": namespace}})
    reflector = feed._reflectors[0]
    reflector._version = "1"
    changes = feed.changes()
    async with running(feed):
        await until(lambda: reflector._version != "1")
        batch = await asyncio.wait_for(anext(changes), 10)
    told = {c.ref.name: c for c in batch}
    assert set(told) == {"settings", "gone", "new"}
    assert told["gone"].manifest is None and told["new"].previous is None
    assert told["settings"].previous and told["settings"].previous["data"] == old["data"]


@pytest.mark.cluster
async def test_kinds_that_may_not_be_read_are_left_out(
    admin: Client, kubeconfig: str, namespace: str, ledger: Ledger, sealer: Sealer, tmp_path: Path
) -> None:
    await create(admin, config_map(namespace, mode="slow"))
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    async with await as_account(admin, kubeconfig, namespace, rules, tmp_path) as limited:
        cluster = KubernetesCluster("default", limited, sealer, ledger, [namespace])
        async with running(cluster):
            assert cluster.in_sync
            assert "ConfigMap" not in cluster.skipped
            assert "grant verb 'list' on secrets" in cluster.skipped["Secret"]
            for fresh in (False, True):
                shot = await cluster.snapshot(namespace, fresh)
                assert shot.get("ConfigMap", namespace, "settings") and not shot.all("Secret")


class Script(Client):
    """A server that answers as written: pages of a list, then watches as lists of events or errors."""

    def __init__(self, lists: list[list[Manifest]], watches: list[list[WatchEvent | Exception]]) -> None:
        self.lists, self.watches = lists, watches
        self.listed = 0
        self.versions: list[str] = []

    async def pages(self, kind: Kind, namespace: str = "", **_: object) -> AsyncIterator[Page]:
        self.listed += 1
        yield Page([json.loads(json.dumps(i)) for i in self.lists.pop(0)], f"list-{self.listed}")

    async def watch(
        self, kind: Kind, namespace: str, resource_version: str, *_: object
    ) -> AsyncIterator[WatchEvent]:
        self.versions.append(resource_version)
        if not self.watches:
            await asyncio.Event().wait()
        for step in self.watches.pop(0):
            if isinstance(step, Exception):
                raise step
            yield step


def item(name: str, version: str, **data: str) -> Manifest:
    meta = {"name": name, "namespace": "a", "resourceVersion": version}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": data}


def event(kind: str, name: str, version: str) -> WatchEvent:
    return WatchEvent(kind, item(name, version))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BACK_OFF_FIRST", 0.01)


async def test_resumes_after_a_lost_connection_without_listing(sealer: Sealer, quick: None) -> None:
    bookmark = event("BOOKMARK", "-", "5")
    client = Script([[item("x", "1")]], [[event("MODIFIED", "x", "3"), bookmark, Unavailable("lost")]])
    feed = Feed(client, sealer, kinds=CONFIG)
    async with running(feed):
        await until(lambda: len(client.versions) == 2)
    assert client.versions == ["list-1", "5"] and client.listed == 1


async def test_out_of_sync_while_the_server_does_not_answer(
    sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BACK_OFF_FIRST", 60)
    feed = Feed(Script([[item("x", "1")]], [[Unavailable("lost")]]), sealer, kinds=CONFIG)
    async with running(feed):
        await until(lambda: not feed.in_sync)


async def test_expired_in_the_watch_lists_again(sealer: Sealer, quick: None) -> None:
    client = Script([[item("x", "1"), item("y", "1")], [item("x", "4")]], [[Expired("old")]])
    feed = Feed(client, sealer, kinds=CONFIG)
    changes = feed.changes()
    async with running(feed):
        await until(lambda: client.listed == 2 and feed.in_sync)
        batch = await anext(changes)
    assert {(c.ref.name, c.manifest is None) for c in batch} == {("x", False)}, "y came and went unseen"


async def test_a_broken_answer_does_not_end_the_watch(sealer: Sealer, quick: None) -> None:
    broken = WatchEvent("ADDED", {"kind": "ConfigMap"})
    client = Script([[item("x", "1")], [item("x", "2")]], [[broken]])
    feed = Feed(client, sealer, kinds=CONFIG)
    async with running(feed):
        await until(lambda: client.listed == 2 and feed.in_sync)


async def test_a_kind_that_is_not_served(sealer: Sealer) -> None:
    class NotServed(Script):
        async def pages(self, kind: Kind, namespace: str = "", **_: object) -> AsyncIterator[Page]:
            raise TargetNotFound("not served")
            yield

    feed = Feed(NotServed([], []), sealer, kinds=CONFIG)
    async with running(feed):
        assert feed.in_sync and feed.skipped == {"ConfigMap": "not served"}


def change(name: str, manifest: Manifest | None, previous: Manifest | None) -> Change:
    return Change(ref=ref("ConfigMap", "a", name), manifest=manifest, previous=previous, at=datetime.now(UTC))


async def test_a_slow_reader_gets_one_change_an_object() -> None:
    subscription = Subscription()
    one, two, three = (item("x", v) for v in "123")
    subscription.tell(change("x", two, one))
    subscription.tell(change("x", three, two))
    subscription.tell(change("y", one, None))
    subscription.tell(change("y", None, one))  # came and went
    batch = await anext(subscription)
    assert [(c.ref.name, c.previous, c.manifest) for c in batch] == [("x", one, three)]
    waiting: Awaitable[list[Change]] = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    subscription.tell(change("z", one, None))
    assert len(await waiting) == 1


def made_event(name: str, age: timedelta) -> Manifest:
    at = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"kind": "Event", "metadata": {"name": name, "namespace": "a"}, "lastTimestamp": at}


def test_events_run_out() -> None:
    young = [made_event(str(i), timedelta(seconds=i)) for i in range(MOST_EVENTS + 1)]
    old = made_event("old", timedelta(hours=2))
    young = [e for e in young if e["lastTimestamp"] >= made_event("", timedelta(minutes=59))["lastTimestamp"]]
    assert surplus_events([*young, old]) == [old]


def test_cache_by_namespace() -> None:
    cache = Cache()
    cache.put(item("x", "1"))
    cache.put({"kind": "Node", "metadata": {"name": "n"}})
    about_node = {
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Node"},
    }
    cache.put(about_node | {"lastTimestamp": "2999-01-01T00:00:00Z"})
    assert {o["kind"] for o in cache.objects("a")} == {"ConfigMap", "Node", "Event"}
    assert {o["kind"] for o in cache.objects("b")} == {"Node", "Event"}
    assert len(list(cache.objects())) == len(cache) == 3
    assert cache.drop(ref("ConfigMap", "a", "x")) == item("x", "1")
    assert cache.drop(ref("ConfigMap", "a", "x")) is None
