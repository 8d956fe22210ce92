"""Asks incidents through Temporal, as any client may."""

from __future__ import annotations

import asyncio

from temporalio.client import Client
from temporalio.service import RPCError

from suture.domain.incident import IncidentRecord
from suture.domain.target import Target


def id_of(namespace: str, name: str) -> str:
    """The workflow of a deployment's incident."""
    return Target(cluster="lab", namespace=namespace, kind="Deployment", name=name).workflow_id


async def record_of(client: Client, workflow_id: str) -> IncidentRecord | None:
    """What the newest incident of this id knows; None when there is none yet, or it cannot answer now."""
    try:
        found: IncidentRecord = await client.get_workflow_handle(workflow_id).query(
            "record", result_type=IncidentRecord
        )
    except RPCError:
        return None
    return found


async def phase(client: Client, workflow_id: str, wanted: str, seconds: float = 60) -> IncidentRecord:
    """The record once the incident is in this phase, or has this outcome."""
    last: IncidentRecord | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                last = await record_of(client, workflow_id)
                if last and wanted in (last.phase, last.outcome):
                    return last
                await asyncio.sleep(0.2)
    except TimeoutError:
        lines = [f"{e.stage} {e.text}" for e in last.timeline] if last else []
        raise AssertionError("\n".join([f"{workflow_id} is not {wanted}:", *lines])) from None


async def healed(client: Client, workflow_id: str, seconds: float = 60) -> IncidentRecord:
    return await phase(client, workflow_id, "healed", seconds)


async def waiting(client: Client, workflow_id: str, seconds: float = 60) -> IncidentRecord:
    return await phase(client, workflow_id, "waiting_for_approval", seconds)
