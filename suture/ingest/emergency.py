"""How emergencies reach workflows: started by people through the command, or by the storm breaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from suture.domain.emergency import MaintenanceStart, OutageStart, maintenance_id, outage_id
from suture.domain.errors import Conflict
from suture.domain.governor import Switch
from suture.ingest.temporal import clip, explain
from suture.settings import TASK_QUEUE

log = structlog.get_logger(__name__)
SUMMARY_BYTES = 300


async def begin_maintenance(client: Client, start: MaintenanceStart, queue: str = TASK_QUEUE) -> str:
    """The workflow id. Raises Conflict when it is on already, Unavailable."""
    return await _begin(client, "MaintenanceMode", start, maintenance_id(start.cluster), queue)


async def begin_outage(client: Client, start: OutageStart, queue: str = TASK_QUEUE) -> str:
    """The workflow id. Raises Conflict when it is declared already, Unavailable."""
    return await _begin(client, "MassOutage", start, outage_id(start.cluster), queue)


async def _begin(
    client: Client, kind: str, start: MaintenanceStart | OutageStart, workflow_id: str, queue: str
) -> str:
    try:
        await client.start_workflow(
            kind,
            start,
            id=workflow_id,
            task_queue=queue,
            static_summary=clip(f"{start.by}: {start.reason}", SUMMARY_BYTES),
        )
    except WorkflowAlreadyStartedError as e:
        raise Conflict(f"{workflow_id} runs already") from e
    except (RPCError, RuntimeError) as e:
        raise explain(e) from e
    return workflow_id


def on_storm(client: Client, cluster: str, queue: str = TASK_QUEUE) -> Callable[[Switch], Awaitable[None]]:
    """What the storm breaker calls where an installation wants a storm to be a mass outage."""

    async def enter(storm: Switch) -> None:
        start = OutageStart(cluster=cluster, by=storm.by, reason=storm.reason or "alert storm")
        try:
            await begin_outage(client, start, queue)
        except Conflict:
            log.info("the storm is part of the mass outage that is known", cluster=cluster)

    return enter
