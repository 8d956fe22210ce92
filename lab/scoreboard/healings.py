"""What the engine itself remembers of a trial: how many plans it tried, when it noticed, when it acted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from lab.scenario.judge import Verdict

if TYPE_CHECKING:
    from suture.memory.queries import Story
    from suture.memory.views import ActionRow

LIMIT = 10_000


@dataclass(frozen=True)
class Deed:
    """One action of a plan: which plan it was, and when."""

    plan: str
    created_at: datetime
    executed_at: datetime | None = None


@dataclass(frozen=True)
class Healing:
    """One incident of the engine."""

    incident_id: str
    namespace: str
    name: str
    target: str
    cause: str
    method: str
    detected_at: datetime
    outcome: str = ""
    resolved_at: datetime | None = None
    deeds: list[Deed] = field(default_factory=list)

    @classmethod
    def of(cls, story: Story) -> Healing:
        """From the engine's memory. Undoing is no attempt: no rule was asked about it; nor is what was never begun."""
        row = story.incident
        return cls(
            incident_id=row.incident_id,
            namespace=row.namespace,
            name=row.name,
            target=row.target,
            cause=row.failure_type,
            method=row.method or "",
            detected_at=row.detected_at,
            outcome=row.outcome.value if row.outcome else "",
            resolved_at=row.resolved_at,
            deeds=[_deed(a) for a in story.actions if a.agl_decision and a.state != "refused"],
        )

    def attempts(self, until: datetime | None = None) -> int:
        """How many plans were tried until then. What follows a verdict (the namespace vanishes) does not count."""
        return len({deed.plan for deed in self.deeds if until is None or deed.created_at <= until})

    def state(self, until: datetime | None = None) -> str:
        """How it had ended by then."""
        over = self.outcome and (until is None or self.resolved_at is None or self.resolved_at <= until)
        return self.outcome if over else "under way"


def _deed(action: ActionRow) -> Deed:
    """The key of an action ends with the number of the attempt, the number of the action, and the plan."""
    _, attempt, _, plan = action.action_id.rsplit("/", 3)
    return Deed(f"{attempt}/{plan}", action.created_at, action.executed_at)


def read(database: str) -> list[Healing]:
    """All incidents in the engine's database, oldest first."""
    return asyncio.run(_read(database))


async def _read(database: str) -> list[Healing]:
    from suture.memory.queries import incident, incidents
    from suture.memory.store import SqlMemory

    memory = await SqlMemory.connect(database, migrate=False)
    try:
        rows = reversed(await incidents(memory, limit=LIMIT))
        return [Healing.of(await incident(memory, row.incident_id)) for row in rows]
    finally:
        await memory.close()


def belonging(verdict: Verdict, healings: Iterable[Healing]) -> list[Healing]:
    """The incidents of a trial: those in its namespaces, and those of nodes in its time."""
    return [h for h in healings if _inside(verdict, h)]


def _inside(verdict: Verdict, healing: Healing) -> bool:
    if verdict.fault_at is None or verdict.judged_at is None:
        return False
    if healing.detected_at > verdict.judged_at:
        return False
    if healing.namespace:
        return healing.namespace == verdict.namespace or healing.namespace.startswith(f"{verdict.namespace}-")
    if healing.name.startswith(verdict.namespace):
        return True
    return healing.target.startswith("Node/") and healing.detected_at >= verdict.fault_at
