"""What people ask the memory: which incidents there were, the story of one, and how well healing works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Row, Select, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.emergency import SYSTEM
from suture.domain.errors import Invalid, TargetNotFound
from suture.domain.incident import IncidentRecord
from suture.domain.stages import Outcome
from suture.memory.statements import table_of
from suture.memory.store import SqlMemory
from suture.memory.tables import Approval, ConfigChange, Evidence, HealingAction, Incident
from suture.memory.views import ActionRow, ApprovalRow, ChangeRow, EvidenceRow, IncidentRow, Stats, Story

__all__ = ["IncidentRow", "Stats", "Story", "finished", "incident", "incidents", "records", "stats"]

PAGE = 1000
RECORDS = 100  # a record may be large
_incidents, _actions = table_of(Incident), table_of(HealingAction)
_evidence, _approvals, _changes = table_of(Evidence), table_of(Approval), table_of(ConfigChange)
_i = _incidents.c


async def incidents(
    memory: SqlMemory,
    *,
    outcome: str | None = None,
    namespace: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[IncidentRow]:
    """The newest incidents first. `outcome` is one of Outcome, or "open" for those that have not ended."""
    statement = _listing(outcome, namespace, since).order_by(_i.detected_at.desc(), _i.incident_id.desc())
    return [IncidentRow.model_validate(row) for row in await _rows(memory, statement.limit(limit))]


async def finished(memory: SqlMemory, since: datetime | None = None) -> AsyncIterator[list[IncidentRow]]:
    """All finished incidents, oldest first, in pages: never all of them in memory."""
    after: ColumnElement[bool] | None = None
    while True:
        page = _listing(None, None, since).where(_i.outcome.is_not(None))
        page = page.order_by(_i.detected_at, _i.incident_id).limit(PAGE)
        found = await _rows(memory, page if after is None else page.where(after))
        if found:
            yield [IncidentRow.model_validate(row) for row in found]
        if len(found) < PAGE:
            return
        after = tuple_(_i.detected_at, _i.incident_id) > (found[-1].detected_at, found[-1].incident_id)


async def records(memory: SqlMemory, since: datetime | None = None) -> AsyncIterator[IncidentRecord]:
    """The whole records of finished incidents, oldest first, read a page at a time; what cannot be read is left out."""
    after: ColumnElement[bool] | None = None
    while True:
        page = _since(select(_i.detected_at, _i.incident_id, _i.record), since).where(_i.outcome.is_not(None))
        page = page.order_by(_i.detected_at, _i.incident_id).limit(RECORDS)
        found = await _rows(memory, page if after is None else page.where(after))
        for row in found:
            if (record := _record(row.record)) is not None:
                yield record
        if len(found) < RECORDS:
            return
        after = tuple_(_i.detected_at, _i.incident_id) > (found[-1].detected_at, found[-1].incident_id)


async def incident(memory: SqlMemory, word: str) -> Story:
    """The story of an incident, by its id, a prefix of it, or its workflow's id (the newest one counts).

    Raises TargetNotFound when there is none, Invalid when a prefix fits several.
    """
    row = await _find(memory, word)
    of = row.incident_id
    raw: dict[str, Any] = row.record
    acts = (
        select(_actions)
        .where(_actions.c.incident_id == of)
        .order_by(_actions.c.created_at, _actions.c.action_id)
    )
    said = select(_approvals).where(_approvals.c.incident_id == of).order_by(_approvals.c.number)
    made = select(_changes).where(_changes.c.incident_id == of).order_by(_changes.c.created_at)
    seen = select(_evidence.c.id, _evidence.c.kind, _evidence.c.created_at).where(
        _evidence.c.incident_id == of
    )
    return Story(
        incident=IncidentRow.model_validate(row),
        record=_record(raw),
        raw=raw,
        actions=[ActionRow.model_validate(r) for r in await _rows(memory, acts)],
        approvals=[ApprovalRow.model_validate(r) for r in await _rows(memory, said)],
        changes=[ChangeRow.model_validate(r) for r in await _rows(memory, made)],
        evidence=[
            EvidenceRow.model_validate(r) for r in await _rows(memory, seen.order_by(_evidence.c.created_at))
        ],
    )


async def stats(memory: SqlMemory, since: datetime | None = None) -> Stats:
    """Counts, rates and the routing distribution of incidents detected at or after `since`."""
    ended, healed = _i.outcome.is_not(None), _i.outcome == Outcome.HEALED.value
    numbers = select(
        func.count().label("incidents"),
        func.count().filter(ended).label("finished"),
        func.count().filter(ended, _i.executed).label("executed"),
        func.count().filter(healed).label("healed"),
        func.avg(_i.mttr_seconds).filter(healed).label("recovery"),
    )
    (n,) = await _rows(memory, _since(numbers.where(_i.system != SYSTEM), since))
    return Stats(
        incidents=n.incidents,
        finished=n.finished,
        executed=n.executed,
        success_rate=n.healed / n.finished if n.finished else None,
        execution_rate=n.executed / n.finished if n.finished else None,
        average_recovery_seconds=n.recovery,
        routes=await _counts(memory, _i.route, since),
        outcomes=await _counts(memory, _i.outcome, since),
    )


def _listing(outcome: str | None, namespace: str | None, since: datetime | None) -> Select[Any]:
    statement = _since(select(*(_i[name] for name in IncidentRow.model_fields)), since)
    if namespace is not None:
        statement = statement.where(_i.namespace == namespace)
    if outcome is None:
        return statement
    return statement.where(_i.outcome.is_(None) if outcome == "open" else _i.outcome == outcome)


def _since(statement: Select[Any], since: datetime | None) -> Select[Any]:
    return statement.where(_i.detected_at >= since) if since else statement


async def _find(memory: SqlMemory, word: str) -> Row[Any]:
    exact = select(_incidents).where(or_(_i.incident_id == word, _i.workflow_id == word))
    found = await _rows(memory, exact.order_by(_i.detected_at.desc()).limit(1))
    if not found and word:
        begins = select(_incidents).where(_i.incident_id.startswith(word, autoescape=True))
        found = await _rows(memory, begins.order_by(_i.detected_at.desc()).limit(2))
    if not found:
        raise TargetNotFound(f"no incident {word!r} is known: `suture incidents` lists them")
    if len(found) > 1:
        raise Invalid(
            f"{word!r} fits several incidents, {found[0].incident_id} among them: write more of the id"
        )
    return found[0]


def _record(raw: dict[str, Any]) -> IncidentRecord | None:
    try:
        return IncidentRecord.model_validate(raw)
    except ValidationError:
        return None


async def _counts(memory: SqlMemory, column: ColumnElement[Any], since: datetime | None) -> dict[str, int]:
    counted = (
        select(column.label("word"), func.count().label("n"))
        .where(column.is_not(None), _i.system != SYSTEM)
        .group_by(column)
    )
    return {row.word: row.n for row in await _rows(memory, _since(counted, since).order_by(column))}


async def _rows(memory: SqlMemory, statement: Select[Any]) -> Sequence[Row[Any]]:
    async def ask(connection: AsyncConnection) -> Sequence[Row[Any]]:
        found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
        return found

    return await memory.database.read(ask)
