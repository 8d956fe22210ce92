"""Whatever is reported, the workflow stays within what the server takes."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from suture.domain.stages import Outcome
from tests.workflows.harness import world
from worker.plugin import SuturePlugin
from workflows import cluster_watch
from workflows.cluster_watch import ClusterWatchStart


async def test_many_wordy_alerts_fit_into_the_payloads(temporal: Client) -> None:
    labels = {f"label-{n}": "x" * 4000 for n in range(60)}
    async with world(temporal, autopilot=False) as w:
        target = w.cluster.deploy("web", image="bad")
        handle = await w.report(target, labels=labels, fingerprint="0")
        await w.until(handle, "waiting_for_approval")
        for n in range(1, 12):
            await w.report(target, labels=labels, fingerprint=str(n))
        await w.decide(handle)
        result = await asyncio.wait_for(handle.result(), 20)
    assert result.outcome is Outcome.HEALED
    assert result.report_count == 12


async def test_times_without_a_zone_count_as_utc(temporal: Client) -> None:
    async with world(temporal) as w:
        target = w.cluster.deploy("web", image="bad")
        report = {"source": "hand", "target": target.model_dump(), "starts_at": "2026-01-01T03:00:00"}
        handle: Any = await temporal.start_workflow(
            "Incident",
            {"target": target.model_dump(), "reports": [report], "options": w.options.model_dump()},
            id=f"zone-{w.queue}",
            task_queue=w.queue,
        )
        result = await asyncio.wait_for(handle.result(), 10)
    assert result["outcome"] == "healed"


async def test_the_watch_outlives_a_refusal(temporal: Client, monkeypatch: Any) -> None:
    """An API server that has just started refuses everybody for a moment: nobody may stop watching for that."""
    runs = []

    @activity.defn(name="watch")
    async def watch(request: Any) -> None:
        runs.append(request)
        if len(runs) == 1:
            raise ApplicationError("the account lacks the permission", type="Forbidden", non_retryable=True)
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.1)

    from datetime import timedelta

    monkeypatch.setattr(cluster_watch, "PAUSE", timedelta(seconds=0.2), raising=False)
    async with Worker(temporal, task_queue="watches", activities=[watch], plugins=[SuturePlugin()]):
        handle = await temporal.start_workflow(
            "ClusterWatch", ClusterWatchStart(cluster="c"), id="watch-c", task_queue="watches"
        )
        async with asyncio.timeout(25):
            while len(runs) < 2:
                await asyncio.sleep(0.1)
        await temporal.get_workflow_handle(handle.id).terminate()
