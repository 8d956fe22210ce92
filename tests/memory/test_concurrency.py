"""Two hundred incidents at once: no "database is locked", and none waits long."""

from __future__ import annotations

import asyncio
import time

from suture.memory import queries
from suture.memory.store import SqlMemory
from tests.memory.samples import healed, receipt, record

INCIDENTS = 200
WRITES_A_SECOND = 200  # measured alone: well above 1000; a loaded machine must not fail the test


async def story(memory: SqlMemory, incident_id: str) -> None:
    key = f"{incident_id}/0"
    await memory.open_incident(record(incident_id))
    await memory.put_evidence(incident_id, "events", {"lines": [f"{incident_id} {n}" for n in range(20)]})
    await memory.begin_action(incident_id, receipt(key), None)
    await memory.end_action(key, receipt(key, done=True))


async def test_two_hundred_incidents_at_once(memory: SqlMemory) -> None:
    begun = time.perf_counter()
    await asyncio.gather(*(story(memory, f"i{n}") for n in range(INCIDENTS)))
    speed = 4 * INCIDENTS / (time.perf_counter() - begun)
    await asyncio.gather(*(memory.save_incident(healed(f"i{n}")) for n in range(INCIDENTS)))
    found = await queries.stats(memory)
    assert (found.incidents, found.executed, found.success_rate) == (INCIDENTS, INCIDENTS, 1.0)
    assert speed > WRITES_A_SECOND


async def test_readers_are_not_held_up_by_writers(memory: SqlMemory) -> None:
    await memory.open_incident(record())
    writing = asyncio.gather(*(story(memory, f"w{n}") for n in range(50)))
    for _ in range(20):
        assert await memory.journal("nothing") is None
    await writing
