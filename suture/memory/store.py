"""The memory: every write is one short transaction that may be repeated, because its key decides."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Self

from pydantic_core import to_jsonable_python
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.action import Receipt
from suture.domain.decision import Verdict
from suture.domain.errors import Invalid, Irreversible
from suture.domain.incident import IncidentRecord
from suture.memory import rows
from suture.memory.columns import pack
from suture.memory.database import Database
from suture.memory.migrations import upgrade
from suture.memory.redacting import clean
from suture.memory.statements import Statements
from suture.memory.story import save_story
from suture.memory.tables import ActionState, Evidence, HealingAction
from suture.ports import JournalEntry
from suture.sealing import Sealer

Journalled = tuple[Any, str | None, ActionState, str]


class SqlMemory:
    """`ports.Memory` on SQLite or PostgreSQL.

    With a `sealer`, a receipt that holds secrets in clear is kept whole but sealed; without one it is kept
    without them, and a repeated `begin_action` then raises Irreversible instead of handing out a receipt that
    would write "[redacted]".
    """

    def __init__(self, database: Database, sealer: Sealer | None = None) -> None:
        self.database = database
        self._sealer = sealer
        self._do = Statements(database)

    @classmethod
    async def connect(cls, url: str, sealer: Sealer | None = None, migrate: bool = True) -> Self:
        """Open the database, made and brought up to date if need be. Raises ValueError, Unavailable."""
        database = await Database(url).prepare()
        try:
            if migrate:
                await upgrade(database)
        except BaseException:
            await database.close()
            raise
        return cls(database, sealer)

    async def close(self) -> None:
        """Finish the writes under way and let go of the database."""
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def ready(self) -> None:
        """Returns when the database answers; raises Unavailable, or Invalid when it has no tables."""

        async def ask(connection: AsyncConnection) -> None:
            await connection.execute(text("SELECT version_num FROM alembic_version"))

        await self.database.read(ask)

    async def open_incident(self, record: IncidentRecord) -> None:
        """Make sure that the incident has a row."""
        row = rows.incident_row(record, datetime.now(UTC))
        await self.database.write(lambda c: c.execute(self._do.open, row))

    async def save_incident(self, record: IncidentRecord) -> None:
        """Write the whole story in one transaction. An unfinished story never overwrites a finished one."""
        row = await asyncio.to_thread(rows.incident_row, record, datetime.now(UTC))
        await self.database.write(lambda c: save_story(c, self._do, record, row))

    async def put_evidence(self, incident_id: str, kind: str, content: Any) -> str:
        """Store evidence, compressed; the id is a hash of incident, kind and content."""
        identity, packed = await asyncio.to_thread(_pack_evidence, incident_id, kind, content)
        row = {
            "id": identity,
            "incident_id": incident_id,
            "kind": kind,
            "content": packed,
            "created_at": datetime.now(UTC),
        }
        await self.database.write(lambda c: c.execute(self._do.evidence, row))
        return identity

    async def get_evidence(self, evidence_id: str) -> Any | None:
        statement = select(Evidence.content).where(Evidence.id == evidence_id)

        async def ask(connection: AsyncConnection) -> Any:
            return (await connection.execute(statement)).scalar_one_or_none()

        return await self.database.read(ask)

    async def journal(self, key: str) -> JournalEntry | None:
        """The entry of an idempotency key."""
        found = await self.database.read(lambda c: _journalled(c, key))
        if found is None or found[0] is None:  # None: it was refused before anything was prepared
            return None
        _, _, state, error = found
        return JournalEntry(receipt=self._opened(key, found), done=state is ActionState.DONE, error=error)

    async def begin_action(self, incident_id: str, receipt: Receipt, verdict: Verdict | None) -> Receipt:
        """Write the prepared receipt before anything changes; of two with the same key the first is returned.

        Raises Invalid when the incident was never opened.
        """
        row = rows.prepared_row(incident_id, receipt, verdict) | self._closed(receipt)

        async def begin(connection: AsyncConnection) -> Journalled | None:
            if (await connection.execute(self._do.begin, row)).one_or_none():
                await connection.execute(self._do.mitigate, {"of": incident_id})
                return None
            return await _journalled(connection, receipt.key)

        first = await self.database.write(begin)
        return self._opened(receipt.key, first) if first else receipt

    async def end_action(self, key: str, receipt: Receipt | None, error: str = "") -> None:
        """Record the result; the first success stays. Raises Invalid for an unknown key."""
        now = datetime.now(UTC)
        state, result = rows.result_of(receipt, error)
        changed: dict[str, Any] = {"of": key, "state": state, "result": result, "error": clean(error)}
        if receipt:
            changed |= self._closed(receipt) | {"executed_at": receipt.done_at or now}
        applied = (
            receipt is not None and state is ActionState.DONE and receipt.changed and not receipt.dry_run
        )

        async def end(connection: AsyncConnection) -> None:
            incident_id = (await connection.execute(self._do.end, changed)).scalar_one_or_none()
            if incident_id is None:
                if await _journalled(connection, key) is None:
                    raise Invalid(f"no action was begun under the key {key}")
            elif applied and receipt:
                await connection.execute(self._do.config, rows.config_row(incident_id, receipt, now))

        await self.database.write(end)

    async def prune(self, older_than: datetime) -> int:
        """Delete evidence from before `older_than` (incidents stay); returns how many pieces."""
        statement = delete(Evidence).where(Evidence.created_at < older_than)

        async def drop(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self.database.write(drop)

    def _closed(self, receipt: Receipt) -> dict[str, Any]:
        """The receipt's columns: without its secrets, and sealed as a whole when it has any."""
        shown = rows.receipt_json(receipt)
        if shown == receipt.model_dump(mode="json"):
            return {"receipt": shown, "vault": None}
        return {
            "receipt": shown,
            "vault": self._sealer.seal(receipt.model_dump_json()) if self._sealer else "",
        }

    def _opened(self, key: str, found: Journalled) -> Receipt:
        shown, vault, _, _ = found
        if vault is None:
            return Receipt.model_validate(shown)
        if not vault or self._sealer is None:
            raise Irreversible(
                f"the receipt of {key} was kept without its secret values: look at the object by hand"
            )
        return Receipt.model_validate_json(self._sealer.unseal(vault))


async def _journalled(connection: AsyncConnection, key: str) -> Journalled | None:
    columns = (HealingAction.receipt, HealingAction.vault, HealingAction.state, HealingAction.error)
    found = (await connection.execute(select(*columns).where(HealingAction.action_id == key))).one_or_none()
    return tuple(found) if found else None


def _pack_evidence(incident_id: str, kind: str, content: Any) -> tuple[str, bytes]:
    value = clean(to_jsonable_python(content, fallback=str))
    text = json.dumps([incident_id, kind, value], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32], pack(value)
