"""What the engine itself remembers of a trial: how many plans it tried, when it noticed, when it acted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lab.scenario.judge import Verdict

if TYPE_CHECKING:
    from suture.memory.queries import IncidentRow

LIMIT = 10_000


@dataclass(frozen=True)
class Healing:
    """One incident of the engine."""

    incident_id: str
    namespace: str
    name: str
    target: str
    outcome: str
    cause: str
    method: str
    attempts: int
    detected_at: datetime
    acted_at: datetime | None = None

    @classmethod
    def of(cls, row: IncidentRow) -> Healing:
        """From a row of the engine's memory."""
        acted = None
        if row.seconds_to_act is not None:
            began = row.detected_at - timedelta(seconds=row.seconds_to_detect or 0)
            acted = began + timedelta(seconds=row.seconds_to_act)
        return cls(
            incident_id=row.incident_id,
            namespace=row.namespace,
            name=row.name,
            target=row.target,
            outcome=row.outcome.value if row.outcome else "open",
            cause=row.failure_type,
            method=row.method or "",
            attempts=row.attempts,
            detected_at=row.detected_at,
            acted_at=acted,
        )


def read(database: str) -> list[Healing]:
    """All incidents in the engine's database, oldest first."""
    return asyncio.run(_read(database))


async def _read(database: str) -> list[Healing]:
    from suture.memory.queries import incidents
    from suture.memory.store import SqlMemory

    memory = await SqlMemory.connect(database, migrate=False)
    try:
        return [Healing.of(row) for row in reversed(await incidents(memory, limit=LIMIT))]
    finally:
        await memory.close()


def belonging(verdict: Verdict, healings: Iterable[Healing]) -> list[Healing]:
    """The incidents of a trial: those in its namespaces, and cluster-wide ones (nodes) in its time."""
    return [h for h in healings if _inside(verdict, h)]


def _inside(verdict: Verdict, healing: Healing) -> bool:
    if not verdict.namespace:
        return False
    if healing.namespace:
        return healing.namespace == verdict.namespace or healing.namespace.startswith(f"{verdict.namespace}-")
    if healing.name.startswith(verdict.namespace):
        return True
    if verdict.fault_at is None or not healing.target.startswith("Node/"):
        return False
    return verdict.fault_at <= healing.detected_at <= verdict.fault_at + timedelta(seconds=verdict.took)
