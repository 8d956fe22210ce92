"""The watch: trouble is reported once, its end once, and nothing is said of what is healthy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities import watch as module
from activities.watch import Watch, WatchRequest
from suture.domain.errors import Unavailable
from suture.domain.report import ReportBatch
from suture.domain.target import Target
from suture.ports import Change
from tests.fakes import NAMESPACE, FakeCluster, FakeFeed, FakeIncidents, FakeLedger


class Flaky(FakeIncidents):
    """Temporal is away for the first report."""

    def __init__(self) -> None:
        super().__init__()
        self.away = 1

    async def report(self, target: Target, batch: ReportBatch) -> str:
        if self.away:
            self.away -= 1
            raise Unavailable("Temporal does not answer")
        return await super().report(target, batch)


@contextmanager
def running(cluster: FakeCluster, feed: FakeFeed, incidents: FakeIncidents) -> Iterator[None]:
    env = ActivityEnvironment()
    activity = Watch(cluster, feed, FakeLedger(), incidents)
    task = asyncio.ensure_future(env.run(activity.watch, WatchRequest(cluster="default", run_seconds=60)))
    try:
        yield
    finally:
        task.cancel()


def changed(cluster: FakeCluster, target: Target) -> list[Change]:
    return [Change(ref=target.ref, manifest={}, previous=None, at=datetime.now(UTC))]


async def eventually(condition: object, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 0.05)
    monkeypatch.setattr(module, "SETTLE", 0.0)


async def test_reports_trouble_once_and_its_end_once() -> None:
    cluster, feed, incidents = FakeCluster(), FakeFeed(), FakeIncidents()
    target, well = cluster.deploy("web", image="bad"), cluster.deploy("well")
    with running(cluster, feed, incidents):
        await eventually(lambda: incidents.reported)
        feed.queue.put_nowait(changed(cluster, target))
        await asyncio.sleep(0.3)
        assert [t for t, _ in incidents.reported] == [target]
        assert well not in [t for t, _ in incidents.reported]
        report = incidents.reported[0][1].reports[0]
        assert (report.source, report.labels["failure_type"]) == ("kubernetes", "image_pull")
        cluster.image["web"] = "v1"
        feed.queue.put_nowait(changed(cluster, target))
        await eventually(lambda: incidents.over)
        await asyncio.sleep(0.2)
    assert len(incidents.over) == 1
    assert incidents.over[0][1].reports[0].status == "resolved"


async def test_what_temporal_could_not_take_is_said_again() -> None:
    cluster, feed, incidents = FakeCluster(), FakeFeed(), Flaky()
    cluster.deploy("web", image="bad")
    with running(cluster, feed, incidents):
        await eventually(lambda: incidents.reported)
    assert len(incidents.reported) == 1


async def test_a_namespace_that_changes_is_looked_at() -> None:
    cluster, feed, incidents = FakeCluster(), FakeFeed(), FakeIncidents()
    target = cluster.deploy("web")
    with running(cluster, feed, incidents):
        await asyncio.sleep(0.2)
        cluster.image["web"] = "bad"
        assert target.namespace == NAMESPACE
        feed.queue.put_nowait(changed(cluster, target))
        await eventually(lambda: incidents.reported)
