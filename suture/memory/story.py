"""Writing a whole incident: its row, what became of each action, what persons said, and what was learned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.incident import Attempt, IncidentRecord
from suture.memory import rows
from suture.memory.database import Database
from suture.memory.rows import Row
from suture.memory.statements import table_of
from suture.memory.tables import Approval, Base, ConfigChange, HealingAction, Incident, MemoryChunk


async def save_story(
    connection: AsyncConnection, database: Database, record: IncidentRecord, row: Row
) -> None:
    """All of it in the caller's transaction; every statement may be repeated."""
    if not await _save_row(connection, database, row):
        return
    for attempt in record.attempts:
        await _complete_actions(connection, attempt)
    await _upsert(connection, database, HealingAction, rows.refused_rows(record))
    await _upsert(connection, database, Approval, rows.approval_rows(record))
    chunk = rows.memory_row(record, datetime.now(UTC))
    await _upsert(connection, database, MemoryChunk, [chunk] if chunk else [])


async def _save_row(connection: AsyncConnection, database: Database, row: Row) -> bool:
    """False when the row tells a finished story and this one is unfinished: a late repetition."""
    insert = database.insert(table_of(Incident)).values(row)
    changes = {name: insert.excluded[name] for name in row if name != "incident_id"}
    newer = or_(Incident.outcome.is_(None), insert.excluded.outcome.is_not(None))
    upsert = insert.on_conflict_do_update(index_elements=["incident_id"], set_=changes, where=newer)
    return bool((await connection.execute(upsert.returning(Incident.incident_id))).one_or_none())


async def _complete_actions(connection: AsyncConnection, attempt: Attempt) -> None:
    """Add what was not known when an action began: what was proposed before policy changed it, who approved,
    what was undone.
    """
    by = (
        f"suture, approved by {attempt.decision.by}"
        if attempt.decision and attempt.decision.choice == "approve"
        else None
    )
    for receipt in attempt.receipts:
        proposed = rows.action_json(rows.proposed_for(attempt, receipt.action))
        values: dict[str, Any] = {"proposed_action": proposed, "undone": rows.was_undone(attempt, receipt)}
        await connection.execute(
            update(HealingAction).where(HealingAction.action_id == receipt.key).values(values)
        )
        if by:
            await connection.execute(
                update(ConfigChange).where(ConfigChange.config_id == receipt.key).values(changed_by=by)
            )


async def _upsert(
    connection: AsyncConnection, database: Database, model: type[Base], found: list[Row]
) -> None:
    table = table_of(model)
    keys = [column.name for column in table.primary_key]
    for row in found:
        insert = database.insert(table).values(row)
        changes = {name: insert.excluded[name] for name in row if name not in keys}
        await connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changes))
