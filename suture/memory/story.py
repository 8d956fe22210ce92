"""Writing a whole incident: its row, what became of each action, what persons said, and what was learned."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.incident import Attempt, IncidentRecord
from suture.domain.redaction import redact_text
from suture.memory import rows
from suture.memory.rows import Row
from suture.memory.statements import Statements
from suture.memory.tables import Approval, HealingAction, MemoryChunk


async def save_story(connection: AsyncConnection, do: Statements, record: IncidentRecord, row: Row) -> None:
    """All of it in the caller's transaction; every statement may be repeated."""
    if (await connection.execute(do.save, row)).one_or_none() is None:
        return  # a late repetition: the row tells a finished story, and this one is unfinished
    for attempt in record.attempts:
        await _complete_actions(connection, do, attempt, record.approvers(attempt))
    chunk = rows.memory_row(record, datetime.now(UTC))
    for model, found in (
        (HealingAction, rows.refused_rows(record)),
        (Approval, rows.approval_rows(record)),
        (MemoryChunk, [chunk] if chunk else []),
    ):
        if found:
            await connection.execute(do.upsert(model), found)


async def _complete_actions(
    connection: AsyncConnection, do: Statements, attempt: Attempt, approvers: list[str]
) -> None:
    """Add what was not known when an action began: what policy changed, who approved, what was undone."""
    for receipt in attempt.receipts:
        proposed = rows.action_json(rows.proposed_for(attempt, receipt.action))
        undone = rows.was_undone(attempt, receipt)
        await connection.execute(
            do.complete, {"of": receipt.key, "proposed_action": proposed, "undone": undone}
        )
        if approvers:
            by = f"suture, approved by {redact_text(', '.join(approvers))}"
            await connection.execute(do.approve, {"of": receipt.key, "changed_by": by})
