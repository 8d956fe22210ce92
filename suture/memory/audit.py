"""The audit log in the database: lines are only ever added, one after the other, whoever writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Row, delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.audit import START, AuditCheck, AuditEntry, AuditRow
from suture.domain.redaction import redact_text
from suture.memory.columns import plain
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import AuditLine, UsedLink

log = structlog.get_logger(__name__)
LOCK = 5_738_101_848  # PostgreSQL's advisory lock of whoever adds a line; SQLite's is the write lock
PAGE = 1000
MAX_PROBLEMS = 20

LENGTHS = {"by": 128, "via": 16, "address": 64, "action": 32, "subject": 512}  # characters

_lines, _links = table_of(AuditLine), table_of(UsedLink)
_c = _lines.c


class SqlAudit:
    """`ports.Audit` on SQLite or PostgreSQL. `key` seals the chain: the installation's sealing key."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = hashlib.sha256(b"audit" + key).digest()
        self._use = database.insert(_links).on_conflict_do_nothing().returning(_links.c.id)

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Add a line, without secrets; returns once the database has it. Raises Unavailable."""
        clean = _clean(entry)

        async def add(connection: AsyncConnection) -> AuditRow:
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            seq, before = await _last(connection)
            row = AuditRow(**clean.model_dump(), seq=seq + 1, hash=clean.seal(self._key, before))
            await connection.execute(_lines.insert(), row.model_dump() | {"result": str(row.result)})
            return row

        row = await self._database.write(add)
        log.info("audit", **row.model_dump(mode="json"))
        return row

    async def entries(
        self, limit: int = 100, before: int | None = None, subject: str = "", by: str = ""
    ) -> list[AuditRow]:
        """The newest lines first; `before` is the number of the line to go on from. Raises Unavailable."""
        statement = select(_lines).order_by(_c.seq.desc()).limit(limit)
        wanted = [(_c.seq < before) if before else None, (_c.subject == subject) if subject else None]
        for condition in [*wanted, (_c.by == by) if by else None]:
            statement = statement if condition is None else statement.where(condition)
        return [AuditRow.model_validate(r) for r in await self._rows(statement)]

    async def verify(self, head: str = "") -> AuditCheck:
        """Check every line; with `head`, also that the line with this hash is still there. Raises Unavailable."""
        found = AuditCheck(lines=0, head=START)
        seen = not head or head == START
        while len(found.problems) < MAX_PROBLEMS:
            page = select(_lines).where(_c.seq > found.lines).order_by(_c.seq).limit(PAGE)
            rows = [AuditRow.model_validate(r) for r in await self._rows(page)]
            for row in rows:
                _compare(found, row, row.seal(self._key, found.head))
                seen = seen or row.hash == head
            if len(rows) < PAGE:
                break
        if not seen:
            found.problems.append(
                f"the line with the hash {head} is not there: the end was cut, or made anew"
            )
        return found

    async def use(self, link: str) -> bool:
        """Mark a one-time link as used; False when it was before. Raises Unavailable."""

        async def mark(connection: AsyncConnection) -> bool:
            row = {"id": link, "used_at": datetime.now(UTC)}
            return (await connection.execute(self._use, row)).one_or_none() is not None

        return await self._database.write(mark)

    async def release(self, link: str) -> None:
        """The link did not serve after all. Raises Unavailable."""
        await self._database.write(lambda c: c.execute(delete(_links).where(_links.c.id == link)))

    async def used(self, link: str) -> bool:
        """Whether a one-time link has served. Raises Unavailable."""
        return bool(await self._rows(select(_links.c.id).where(_links.c.id == link)))

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        async def ask(connection: AsyncConnection) -> Sequence[Row[Any]]:
            rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
            return rows

        return await self._database.read(ask)


async def _last(connection: AsyncConnection) -> tuple[int, str]:
    newest = select(_c.seq, _c.hash).order_by(_c.seq.desc()).limit(1)
    found = (await connection.execute(newest)).one_or_none()
    return (found.seq, found.hash) if found else (0, START)


def _compare(found: AuditCheck, row: AuditRow, sealed: str) -> None:
    if row.seq != found.lines + 1:
        found.problems.append(f"{row.seq - found.lines - 1} lines before line {row.seq} are missing")
    elif row.hash != sealed:
        found.problems.append(f"line {row.seq} ({row.action} by {row.by}) is not as it was written")
    found.lines, found.head = row.seq, row.hash


def _clean(entry: AuditEntry) -> AuditEntry:
    """The entry without secrets, as both databases can keep it."""
    words = {name: plain(redact_text(v)) for name, v in entry if type(v) is str}
    return entry.model_copy(update={name: v[: LENGTHS.get(name)] for name, v in words.items()})
