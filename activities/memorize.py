"""memorize: give the turn to the next incident, write the whole story into the database and count it."""

from __future__ import annotations

import time

from pydantic import BaseModel
from temporalio import activity

from activities.release import Release, ReleaseRequest
from suture.domain.incident import IncidentRecord
from suture.domain.stages import Stage
from suture.ports import Counters, Memory


class MemorizeRequest(BaseModel):
    """The finished record."""

    record: IncidentRecord
    again: bool = False  # echoes came after it was memorized and counted first


class Memorize:
    """Writes are upserts by incident id, so that a repeat changes nothing."""

    def __init__(self, memory: Memory, counters: Counters, release: Release) -> None:
        self._memory = memory
        self._counters = counters
        self._release = release

    @activity.defn(name="memorize")
    async def memorize(self, request: MemorizeRequest) -> None:
        """Raises Unavailable when the database does not answer (retried for as long as it takes)."""
        began = time.monotonic()
        if request.record.holds_turn and not request.again:
            await self._release.release(ReleaseRequest(holder=request.record.workflow_id))
        await self._memory.save_incident(request.record)
        if not request.again:
            self._counters.record_incident(_with_own_time(request.record, time.monotonic() - began))


def _with_own_time(record: IncidentRecord, seconds: float) -> IncidentRecord:
    """The workflow knows how long this stage took only when nobody counts any more."""
    spent = {**record.timings.stage_seconds, Stage.MEMORIZE: seconds}
    timings = record.timings.model_copy(update={"stage_seconds": spent})
    return record.model_copy(update={"timings": timings})
