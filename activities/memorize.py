"""memorize: write the whole story into the database and count it."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity

from suture.domain.incident import IncidentRecord
from suture.ports import Counters, Memory


class MemorizeRequest(BaseModel):
    """The finished record."""

    record: IncidentRecord


class Memorize:
    """Writes are upserts by incident id, so that a repeat changes nothing."""

    def __init__(self, memory: Memory, counters: Counters) -> None:
        self._memory = memory
        self._counters = counters

    @activity.defn(name="memorize")
    async def memorize(self, request: MemorizeRequest) -> None:
        """Raises Unavailable when the database does not answer (retried for as long as it takes)."""
        await self._memory.save_incident(request.record)
        self._counters.record_incident(request.record)
