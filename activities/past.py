"""What the ledger knows of the time before, in the words of diagnosis."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from suture.diagnosis.changes import Past, Period, State
from suture.ports import History, Ledger

LOOK_BACK = timedelta(days=7)
SHARED_SECONDS = (
    0.25  # a storm of incidents in one namespace reads its past a few times a second, not for each
)
MOST_NAMESPACES = 256


@dataclass
class _Reading:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    at: float = 0.0
    past: Past | None = None


_readings: WeakKeyDictionary[History, dict[str, _Reading]] = WeakKeyDictionary()


async def past_of(ledger: Ledger | None, namespace: str, now: datetime) -> Past | None:
    """The changes of a namespace and of what is cluster-wide; None when the ledger keeps no history. Raises Unavailable."""
    if not isinstance(ledger, History):
        return None
    readings = _readings.setdefault(ledger, {})
    if len(readings) > MOST_NAMESPACES:
        readings.clear()
    reading = readings.setdefault(namespace, _Reading())
    async with reading.lock:
        if reading.past is None or time.monotonic() - reading.at > SHARED_SECONDS:
            began = time.monotonic()
            reading.past, reading.at = await _read(ledger, namespace, now), began
        return reading.past


async def _read(ledger: History, namespace: str, now: datetime) -> Past:
    states = await ledger.changed(namespace, now - LOOK_BACK)
    health = await ledger.health()
    return Past.of(
        (State(r.id, r.ref, r.uid, r.at, r.manager, r.content, r.restorable) for r in states),
        {
            ref: [Period(p.since, p.until) for p in periods]
            for ref, periods in health.items()
            if not namespace or ref.namespace in ("", namespace)
        },
    )
