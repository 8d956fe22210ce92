"""Finished incidents for whoever writes about them, and how their follow-ups stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.action import Receipt
from suture.domain.errors import Invalid
from suture.domain.post_incident import PostIncidentRecord
from suture.domain.redaction import redact_text
from suture.memory import queries
from suture.memory.redacting import clean
from suture.memory.statements import Statements, table_of
from suture.memory.store import SqlMemory
from suture.memory.tables import ActionState, PostIncident
from suture.memory.views import ActionRow
from suture.ports import Archived, JournalEntry, Noted

_follow_ups = table_of(PostIncident)


class SqlArchive:
    """`ports.Archive` over the database of a `SqlMemory`."""

    def __init__(self, memory: SqlMemory) -> None:
        self._memory = memory
        self._do = Statements(memory.database)

    async def archived(self, incident_id: str) -> Archived:
        """Raises TargetNotFound, Invalid, Unavailable."""
        story = await queries.incident(self._memory, incident_id)
        if story.record is None:
            raise Invalid(f"{incident_id} was written by another version of Suture")
        journal = [entry for row in story.actions if (entry := _entry(row))]
        return Archived(record=story.record, journal=journal)

    async def save_follow_up(self, record: PostIncidentRecord) -> None:
        """Write how it stands. Raises Unavailable."""
        row = _row(record, datetime.now(UTC))
        await self._memory.database.write(lambda c: c.execute(self._do.upsert(PostIncident), row))

    async def note(self, noted: Noted) -> None:
        """Keep a change of the engine itself, once. Raises Unavailable."""
        row = {
            "config_id": noted.id,
            "changed_by": redact_text(noted.by),
            "changes": clean(noted.model_dump(mode="json")["changes"]),
            "reason": redact_text(noted.reason),
            "incident_id": noted.incident_id,
            "created_at": noted.at,
            "target": noted.target,
        }
        await self._memory.database.write(lambda c: c.execute(self._do.config, row))

    async def follow_up(self, incident_id: str) -> PostIncidentRecord | None:
        """The follow-up of an incident, as it was last written."""
        found = await self._read(select(_follow_ups.c.record).where(_follow_ups.c.incident_id == incident_id))
        return found[0] if found else None

    async def follow_ups(self, open_only: bool = True, limit: int = 100) -> list[PostIncidentRecord]:
        """Those that are not closed (or all), what is due first at the top."""
        statement = select(_follow_ups.c.record).order_by(_follow_ups.c.due_at, _follow_ups.c.incident_id)
        if open_only:
            statement = statement.where(_follow_ups.c.closed_at.is_(None))
        return await self._read(statement.limit(limit))

    async def _read(self, statement: Any) -> list[PostIncidentRecord]:
        async def ask(connection: AsyncConnection) -> list[Any]:
            return list((await connection.execute(statement)).scalars())

        return [PostIncidentRecord.model_validate(raw) for raw in await self._memory.database.read(ask)]


def _row(record: PostIncidentRecord, now: datetime) -> dict[str, Any]:
    keep = frozenset((record.incident_id, record.workflow_id, *record.reports.values()))
    open_duties = [record.duties[duty].due_at for duty in record.owed]
    return {
        "incident_id": record.incident_id,
        "workflow_id": record.workflow_id,
        "opened_at": record.opened_at,
        "due_at": min(open_duties, default=None),
        "closed_at": record.closed_at,
        "record": clean(record.model_dump(mode="json"), keep),
        "updated_at": now,
    }


def _entry(row: ActionRow) -> JournalEntry | None:
    try:
        receipt = Receipt.model_validate(row.receipt)
    except ValidationError:  # it was refused before anything was prepared
        return None
    return JournalEntry(receipt=receipt, done=row.state is ActionState.DONE, error=row.error)
