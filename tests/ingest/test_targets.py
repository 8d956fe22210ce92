"""An alert always gets a target, and always the same one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from suture.domain.errors import Unavailable
from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef, Target
from suture.ingest.targets import WORKLOAD_LABELS, ClusterResolver, fallback_target, slug

LABELS = [name for name, _ in WORKLOAD_LABELS]
WEB = {"namespace": "shop", "pod": "web-1"}


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        ({"namespace": "shop", "pod": "web-1"}, "Pod/shop/web-1"),
        ({"namespace": "shop", "pod": "web-1", "deployment": "web", "service": "s"}, "Deployment/shop/web"),
        ({"namespace": "shop", "service": "web", "job": "prometheus"}, "Service/shop/web"),
        ({"namespace": "shop", "job_name": "backup"}, "Job/shop/backup"),
        (
            {"namespace": "monitoring", "exported_namespace": "shop", "exported_pod": "w", "pod": "ksm"},
            "Pod/shop/w",
        ),
        ({"node": "worker-1", "alertname": "NodeDown"}, "Node/worker-1"),
        ({"alertname": "Watchdog"}, "Alert/Watchdog"),
        ({"alertname": "Watchdog", "namespace": "shop"}, "Alert/shop/Watchdog"),
        ({"alertname": "A", "namespace": "shop", "pod": "../../etc"}, "Alert/shop/A"),
        ({"alertname": "A", "deployment": "web"}, "Alert/A"),
    ],
)
def test_labels_decide_alone(labels: dict[str, str], target: str) -> None:
    assert str(fallback_target(labels, "default")) == target


@given(
    st.dictionaries(
        st.sampled_from([*LABELS, "namespace", "node", "alertname", "cluster"]) | st.text(), st.text()
    )
)
@example({"alertname": "x" * 10_000, "namespace": "y" * 10_000})
@example({"alertname": "\ud800\0/ \n"})
def test_every_alert_gets_a_legal_target(labels: dict[str, str]) -> None:
    target = fallback_target(labels, "default")
    assert target == fallback_target(dict(reversed(labels.items())), "default")
    assert Target.model_validate_json(target.model_dump_json()) == target
    assert target.workflow_id.isprintable()
    assert len(target.workflow_id) < 1000


def test_names_that_look_alike_stay_apart() -> None:
    assert slug("Disk full") != slug("Disk/full") != slug("Disk-full")
    assert slug("Disk-full") == "Disk-full"


class OneCluster:
    """As much of a cluster as a resolver needs."""

    def __init__(self, name: str = "prod") -> None:
        self.name = name
        self.reads = 0
        self.away = False
        self.delay = 0.0

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        self.reads += 1
        await asyncio.sleep(self.delay)
        if self.away:
            raise Unavailable("away")
        return Snapshot([], datetime.now(UTC))


def find_web(_snapshot: Snapshot, labels: Mapping[str, str], namespace: str) -> ObjectRef | None:
    return ObjectRef(kind="Deployment", namespace=namespace, name="web") if "pod" in labels else None


def resolver(cluster: OneCluster, **options: float) -> ClusterResolver:
    return ClusterResolver(cluster, find_web, **options)  # type: ignore[arg-type]


async def test_the_cluster_knows_the_owner() -> None:
    target = await resolver(OneCluster())(WEB)
    assert (str(target), target.cluster) == ("Deployment/shop/web", "prod")


async def test_what_the_cluster_does_not_know_is_decided_by_labels() -> None:
    assert str(await resolver(OneCluster())({"namespace": "shop", "service": "web"})) == "Service/shop/web"


async def test_a_storm_reads_the_cluster_once() -> None:
    cluster = OneCluster()
    resolve = resolver(cluster)
    await asyncio.gather(*(resolve(WEB) for _ in range(100)))
    assert cluster.reads == 1


async def test_a_cluster_that_is_away_costs_one_wait_and_loses_nothing() -> None:
    cluster = OneCluster()
    cluster.delay = 5
    resolve = resolver(cluster, timeout=0.05)
    begun = time.monotonic()
    targets = await asyncio.gather(*(resolve(WEB) for _ in range(100)))
    assert {str(t) for t in targets} == {"Pod/shop/web-1"}
    assert time.monotonic() - begun < 1
    assert cluster.reads == 1


async def test_labels_that_break_the_search_lose_nothing() -> None:
    def broken(_snapshot: Snapshot, _labels: Mapping[str, str], _namespace: str) -> ObjectRef | None:
        raise KeyError("metadata")

    resolve = ClusterResolver(OneCluster(), broken)  # type: ignore[arg-type]
    assert str(await resolve(WEB)) == "Pod/shop/web-1"


async def test_an_alert_about_another_cluster_is_not_about_this_one() -> None:
    target = await resolver(OneCluster("prod"))({**WEB, "cluster": "staging"})
    assert (target.cluster, str(target)) == ("staging", "Pod/shop/web-1")
    assert str(await resolver(OneCluster("prod"))({**WEB, "cluster": "prod"})) == "Deployment/shop/web"
    assert str(await resolver(OneCluster("default"))({**WEB, "cluster": "any"})) == "Deployment/shop/web"
