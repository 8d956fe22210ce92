"""Talking with running incidents: Temporal lists them, their workflows tell how they stand and take people's words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio.client import (
    Client,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.service import RPCError, RPCStatusCode

from suture.domain.decision import Decision
from suture.domain.errors import Declined, SutureError, TargetNotFound, Unavailable
from suture.domain.incident import IncidentRecord, IncidentStatus
from suture.domain.visibility import SearchAttribute
from suture.ingest.temporal import OPEN, explain

T = TypeVar("T")
QUERY_SECONDS = timedelta(seconds=4)
DECIDE_SECONDS = 15.0
AT_ONCE = 16
WAITING = f"{SearchAttribute.WAITING_FOR} IS NOT NULL AND {SearchAttribute.WAITING_FOR} != ''"
NO_WORKER = "no worker of the engine answers: is it running? (`suture status` tells)"


class Conversation:
    """What people ask and tell the workflows. `indexed`: the server knows the engine's search attributes."""

    def __init__(self, client: Client, indexed: bool) -> None:
        self._client = client
        self._indexed = indexed

    async def waiting(self, limit: int) -> dict[str, datetime]:
        """Workflow ids of incidents that wait for a person, and when they began. Empty when the server cannot tell."""
        return await self._listed(f"{OPEN} AND {WAITING}", limit) if self._indexed else {}

    async def open(self, limit: int) -> dict[str, datetime]:
        """Workflow ids of the newest running incidents, and when they began."""
        return await self._listed(OPEN, limit)

    async def counts(self) -> tuple[int | None, int | None]:
        """How many run, and how many of them wait for a person; None where that is not known."""
        waiting = await self._count(f"{OPEN} AND {WAITING}") if self._indexed else None
        return await self._count(OPEN), waiting

    async def statuses(self, workflow_ids: Iterable[str]) -> dict[str, IncidentStatus | None]:
        """How they stand; None where no worker answers. One that has ended meanwhile is left out."""
        gate, silent = asyncio.Semaphore(AT_ONCE), False

        async def ask(workflow_id: str) -> tuple[str, IncidentStatus | None] | None:
            nonlocal silent
            async with gate:
                if silent:  # one unanswered query is enough: without a worker each would wait in vain
                    return workflow_id, None
                try:
                    return workflow_id, await self._query(workflow_id, "status", IncidentStatus)
                except TargetNotFound:
                    return None
                except Unavailable:
                    silent = True
                    return workflow_id, None

        return dict(f for f in await asyncio.gather(*map(ask, workflow_ids)) if f)

    async def record(self, workflow_id: str) -> IncidentRecord:
        """Everything the workflow knows. Raises TargetNotFound, Unavailable."""
        return await self._query(workflow_id, "record", IncidentRecord)

    async def decide(self, workflow_id: str, decision: Decision) -> str:
        """The workflow's answer. Raises Declined with its reason, TargetNotFound when nothing runs, Unavailable."""
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(DECIDE_SECONDS):
                answer: str = await handle.execute_update("decide", decision, result_type=str)
                return answer
        except WorkflowUpdateFailedError as e:
            cause = e.cause
            raise Declined(str(getattr(cause, "message", None) or cause or e)) from e
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as e:
            raise Unavailable(NO_WORKER) from e
        except RPCError as e:
            raise _gone(workflow_id, e) from e

    async def _query(self, workflow_id: str, name: str, kind: type[T]) -> T:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            answer: T = await handle.query(name, result_type=kind, rpc_timeout=QUERY_SECONDS)
            return answer
        except WorkflowQueryFailedError as e:
            raise Unavailable(f"the workflow does not answer: {e}") from e
        except RPCError as e:
            if e.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                raise Unavailable(NO_WORKER) from e
            raise _gone(workflow_id, e) from e

    async def _listed(self, query: str, limit: int) -> dict[str, datetime]:
        try:
            found = self._client.list_workflows(query, limit=limit, rpc_timeout=QUERY_SECONDS)
            return {w.id: w.start_time async for w in found}
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e

    async def _count(self, query: str) -> int:
        try:
            return (await self._client.count_workflows(query, rpc_timeout=QUERY_SECONDS)).count
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e


def _gone(workflow_id: str, error: RPCError) -> SutureError:
    if error.status is RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower():
        return TargetNotFound(f"no incident {workflow_id} is running")
    return explain(error)
