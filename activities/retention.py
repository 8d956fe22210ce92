"""What the engine remembers does not grow for ever: old evidence, revisions and healthy periods are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import BaseModel, Field
from temporalio import activity

from suture.ports import Prunable

BEAT = 5.0  # seconds between heartbeats while the database deletes
log = structlog.get_logger(__name__)


class RetentionRequest(BaseModel):
    """How many days are kept."""

    days: float = Field(gt=0)


class Retention:
    """Asks every memory to forget; one that cannot is left alone."""

    def __init__(self, memories: Iterable[object]) -> None:
        self._memories = [m for m in memories if isinstance(m, Prunable)]

    @activity.defn(name="prune")
    async def prune(self, request: RetentionRequest) -> int:
        """Returns how many rows were deleted; a repeat finds nothing more. Raises Unavailable (retried)."""
        older_than = datetime.now(UTC) - timedelta(days=request.days)
        found = 0
        for memory in self._memories:
            task = asyncio.ensure_future(memory.prune(older_than))
            while not (await asyncio.wait({task}, timeout=BEAT))[0]:
                activity.heartbeat()
            found += task.result()
        log.info("old records forgotten", rows=found, older_than=older_than.isoformat())
        return found
