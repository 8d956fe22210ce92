"""Gateway, worker and watch in one process: what `suture up` runs, on the user's servers or on embedded ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from suture.settings import TASK_QUEUE, Settings
from suture.telemetry import sdk_runtime, setup_tracing, temporal_plugins
from worker.bootstrap import (
    Role,
    connect_ports,
    gateway,
    governor_limits,
    options,
    policies,
    prepare_server,
    worker,
)
from worker.connect import connect
from worker.schedules import keep_retention, keep_scan
from workflows.cluster_watch import ClusterWatch, ClusterWatchStart

SYNC_SECONDS = 60.0


@dataclass(frozen=True)
class Ready:
    """What runs where, once everything answers. `mode` says what happens to plans without a person's word."""

    gateway: str
    temporal: str
    namespace: str
    ui: str
    cluster: str
    database: str
    mode: str


async def serve(
    settings: Settings, stop: asyncio.Event, on_ready: Callable[[Ready], None], ui: str = ""
) -> None:
    """Run until `stop` is set; a part that fails stops the whole and raises its error."""
    setup_tracing(settings)
    policies(settings)  # a policy that cannot be read must stop the start, not an incident
    governor_limits(settings)
    runtime, sdk_metrics = sdk_runtime()
    client = await connect(plugins=temporal_plugins(), runtime=runtime)
    chosen = options(settings, Role.ALL, await prepare_server(client))
    async with connect_ports(settings, client, chosen, ui) as ports, asyncio.TaskGroup() as tasks:
        feed = tasks.create_task(ports.feed.run())
        running = tasks.create_task(worker(client, settings, Role.ALL, chosen, ports).run())
        web = gateway(settings, ports, sdk_metrics)
        serving = tasks.create_task(web.serve(stop))
        await asyncio.wait_for(asyncio.gather(ports.feed.synced(), web.started.wait()), SYNC_SECONDS)
        await start_watch(client, settings.cluster)
        await keep_retention(client, settings.cluster, settings.retention_days)
        await keep_scan(client, settings.cluster, settings.scan_every if settings.scan else None)
        on_ready(_ready(settings, client, web.url, ui))
        await stop.wait()
        await serving
        for task in (running, feed):
            task.cancel()


async def work(settings: Settings, stop: asyncio.Event, role: Role) -> None:
    """One role in a process of its own, without a gateway: more workers, or write credentials kept apart."""
    setup_tracing(settings)
    client = await connect(plugins=temporal_plugins())
    chosen = options(settings, role, search_attributes=False)
    if role is Role.WORKFLOWS:
        async with worker(client, settings, role, chosen, None):
            await stop.wait()
        return
    async with connect_ports(settings, client, chosen) as ports, asyncio.TaskGroup() as tasks:
        feed = tasks.create_task(ports.feed.run()) if role is not Role.ACTIONS else None
        async with worker(client, settings, role, chosen, ports):
            await stop.wait()
        if feed:
            feed.cancel()


async def start_watch(client: Client, cluster: str) -> None:
    """Make sure that the cluster is watched; whoever comes first starts it."""
    await client.start_workflow(
        ClusterWatch.run,
        ClusterWatchStart(cluster=cluster),
        id=f"cluster-watch/{cluster}",
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"watches the cluster {cluster}",
    )


def _ready(settings: Settings, client: Client, gateway: str, ui: str) -> Ready:
    return Ready(
        gateway=gateway,
        temporal=client.service_client.config.target_host,
        namespace=client.namespace,
        ui=ui,
        cluster=settings.cluster,
        database=settings.database_url,
        mode="autopilot" if settings.autopilot else "policies" if settings.policies else "every change asks",
    )
