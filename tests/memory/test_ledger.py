"""The ledger: one revision for each real change, whatever the watch repeats."""

from __future__ import annotations

import time

import pytest

from suture.domain.errors import Irreversible, TargetNotFound
from suture.domain.target import ObjectRef
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from suture.ports import HealthPeriod
from suture.sealing import Sealer
from tests.memory.samples import NONE_OF_IT, WEB, after, change, deletion, deployment, secret

DB = ObjectRef(kind="Secret", namespace="shop", name="db")


@pytest.fixture
def ledger(memory: SqlMemory, sealer: Sealer) -> SqlLedger:
    return SqlLedger(memory.database, "test", sealer)


async def test_status_and_repetitions_add_nothing(ledger: SqlLedger) -> None:
    for version in range(1, 4):
        await ledger.record([change(deployment(version=version))])
    await ledger.record([change(deployment(version=4, image="shop/web:2"), at=60)])
    await ledger.record([change(deployment(version=5), at=120)])
    found = await ledger.history(WEB)
    images = [r.content["spec"]["template"]["spec"]["containers"][0]["image"] for r in found if r.content]
    assert images == ["shop/web:1", "shop/web:2", "shop/web:1"]
    assert [r.at for r in found] == [after(120), after(60), after(0)]
    assert [r.at for r in await ledger.history(WEB, since=after(60))] == [after(120), after(60)]


async def test_a_revision_holds_the_wish_only(ledger: SqlLedger) -> None:
    await ledger.record([change(deployment())])
    last = await ledger.last(WEB)
    assert last is not None and last.content is not None
    assert (last.uid, last.manager, last.restorable) == ("u1", "kubectl", True)
    assert last.content.keys() == {"apiVersion", "kind", "metadata", "spec"}
    assert last.content["metadata"] == {
        "name": "web",
        "namespace": "shop",
        "labels": {"app": "web"},
        "annotations": {"team": "shop"},
    }
    assert await ledger.content(last.id) == last.content


async def test_a_restart_writes_nothing(ledger: SqlLedger, memory: SqlMemory, sealer: Sealer) -> None:
    changes = [change(deployment(f"web{n}", uid=f"u{n}")) for n in range(5000)]
    await ledger.record(changes)
    again = SqlLedger(memory.database, "test", sealer)
    begun = time.perf_counter()
    await again.record(changes)
    took = time.perf_counter() - begun
    assert len(await again.history(ObjectRef(kind="Deployment", namespace="shop", name="web7"))) == 1
    assert took < 2


async def test_deletion_and_recreation(ledger: SqlLedger) -> None:
    await ledger.record([change(deployment())])
    for _ in range(2):
        await ledger.record([deletion(deployment(), at=10)])
    gone, before = await ledger.last(WEB, existing=False), await ledger.last(WEB)
    assert gone is not None and gone.content is None and not gone.restorable
    assert before is not None and before.content is not None
    with pytest.raises(TargetNotFound):
        await ledger.content(gone.id)
    with pytest.raises(TargetNotFound):
        await ledger.content("nothing")
    await ledger.record([change(deployment(uid="u2"), at=20)])
    assert [r.uid for r in await ledger.history(WEB)] == ["u2", "u1", "u1"]


async def test_created_and_deleted_before_the_ledger_looked(ledger: SqlLedger) -> None:
    await ledger.record([deletion(deployment())])
    last = await ledger.last(WEB)
    assert last is not None and last.restorable
    assert len(await ledger.history(WEB)) == 2


async def test_a_recreation_with_the_same_content_is_seen_by_its_uid(ledger: SqlLedger) -> None:
    await ledger.record([change(deployment(uid="u1")), change(deployment(uid="u2"))])
    assert len(await ledger.history(WEB)) == 2


async def test_two_watchers_of_one_cluster_record_a_change_once(memory: SqlMemory, sealer: Sealer) -> None:
    first, second = (SqlLedger(memory.database, "test", sealer) for _ in range(2))
    for version in (1, 2):
        for ledger in (first, second):
            await ledger.record([change(deployment(version=version, image=f"shop/web:{version}"))])
    assert len(await first.history(WEB)) == 2


async def test_reconcile_finds_what_was_deleted_unseen(ledger: SqlLedger) -> None:
    await ledger.record(
        [change(deployment()), change(deployment("api")), change(secret("sealed:h1:" + "0" * 64))]
    )
    there = ObjectRef(kind="Deployment", namespace="shop", name="api")
    assert await ledger.reconcile([there], after(60)) == 1
    gone, kept = await ledger.last(WEB, existing=False), await ledger.last(DB, existing=False)
    assert gone is not None and gone.content is None
    assert kept is not None and kept.content is not None


@pytest.mark.parametrize(("kept", "restorable"), [(True, True), (False, False)])
async def test_secrets_are_restorable_only_when_encrypted(
    memory: SqlMemory, kept: bool, restorable: bool
) -> None:
    sealer = Sealer(bytes(range(64)), restorable=kept)
    ledger = SqlLedger(memory.database, "test", sealer)
    await ledger.record([change(secret(sealer.seal(NONE_OF_IT)))])
    last = await ledger.last(DB)
    assert last is not None and last.restorable is restorable and last.content is not None
    assert last.content["data"]["user"] == sealer.seal(NONE_OF_IT)
    if restorable:
        assert sealer.unseal((await ledger.content(last.id))["data"]["user"]) == NONE_OF_IT
    else:
        with pytest.raises(Irreversible, match="restore it by hand"):
            await ledger.content(last.id)


async def test_a_secret_that_arrives_in_clear_is_not_kept_in_clear(memory: SqlMemory, sealer: Sealer) -> None:
    for cluster, key in (("with", sealer), ("without", None)):
        ledger = SqlLedger(memory.database, cluster, key)
        await ledger.record([change(secret(NONE_OF_IT))])
        last = await ledger.last(DB)
        assert last is not None and NONE_OF_IT not in last.model_dump_json()
        assert last.restorable is (key is not None)


async def test_a_node_is_its_labels_taints_and_cordon(ledger: SqlLedger) -> None:
    meta = {"name": "n1", "namespace": "", "uid": "n", "labels": {"zone": "a"}, "annotations": {"beat": "1"}}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": meta,
        "spec": {"podCIDR": "10.0.0.0/24", "unschedulable": True},
    }
    await ledger.record([change(node)])
    last = await ledger.last(ObjectRef(kind="Node", name="n1"))
    assert last is not None and last.content is not None
    assert last.content["spec"] == {"unschedulable": True}
    assert last.content["metadata"] == {"name": "n1", "labels": {"zone": "a"}}


async def test_jobs_of_a_cron_job_and_other_kinds_are_left_out(ledger: SqlLedger) -> None:
    owned = deployment("nightly") | {"kind": "Job"}
    owned["metadata"]["ownerReferences"] = [
        {"kind": "CronJob", "name": "nightly", "uid": "c", "controller": True}
    ]
    pod = deployment("web-1") | {"kind": "Pod"}
    await ledger.record([change(owned), change(pod), deletion(pod)])
    assert await ledger.last(ObjectRef(kind="Job", namespace="shop", name="nightly")) is None
    assert await ledger.last(ObjectRef(kind="Pod", namespace="shop", name="web-1"), existing=False) is None


async def test_pruning_keeps_what_a_restore_needs(ledger: SqlLedger) -> None:
    for n in range(6):
        await ledger.record([change(deployment(image=f"shop/web:{n}", version=n + 1), at=n)])
        await ledger.record([change(deployment("api", image=f"shop/api:{n}", version=n + 1), at=n)])
    await ledger.record([deletion(deployment(version=9), at=200)])
    assert await ledger.prune(after(100), keep_last=1) == 5 + 5
    gone = await ledger.history(WEB)
    assert [r.content is None for r in gone] == [True, False]
    assert await ledger.prune(after(100), keep_last=1) == 0


async def test_what_is_long_gone_is_forgotten_and_may_come_back(ledger: SqlLedger) -> None:
    await ledger.record([change(deployment(), at=0), change(deployment("api"), at=0)])
    await ledger.record([deletion(deployment(version=9), at=9)])
    assert await ledger.prune(after(9)) == 0
    assert await ledger.prune(after(100)) == 2
    assert await ledger.history(WEB) == []
    assert len(await ledger.history(ObjectRef(kind="Deployment", namespace="shop", name="api"))) == 1
    await ledger.record([change(deployment(uid="u2"), at=200)])
    assert [r.uid for r in await ledger.history(WEB)] == ["u2"]


async def test_who_is_healthy_still_is_never_forgotten(ledger: SqlLedger) -> None:
    api = ObjectRef(kind="Deployment", namespace="shop", name="api")
    still, over = HealthPeriod(since=after(0)), HealthPeriod(since=after(0), until=after(10))
    await ledger.mark({WEB: [over, still], api: [over]}, after(20))
    assert await ledger.prune(after(5)) == 0
    assert await ledger.prune(after(1000)) == 1
    assert await ledger.health() == {WEB: [over, still]}
    assert await ledger.seen_at() == after(20)
