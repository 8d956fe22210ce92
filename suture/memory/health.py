"""When objects were healthy: the measure of which state is the last known good one.

A row is written only when an object becomes healthy or ceases to be; that everything else stands as known is
one row of the watch's own. Rows of objects that are gone stay until they are pruned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.target import ObjectRef
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import ObjectHealth
from suture.ports import HealthPeriod

MOST_PERIODS = 8
BATCH = 500

_table = table_of(ObjectHealth)
_c = _table.c


class SqlHealth:
    """The healthy periods of one cluster's objects."""

    def __init__(self, database: Database, cluster: str) -> None:
        self._database = database
        self._cluster = cluster

    async def health(self, refs: Iterable[ObjectRef] | None = None) -> dict[ObjectRef, list[HealthPeriod]]:
        """The periods of these objects (None: of all), oldest first. Raises Unavailable."""
        wanted = None if refs is None else set(refs)
        statement = select(_c.kind, _c.namespace, _c.name, _c.periods).where(
            _c.cluster == self._cluster, _c.kind != ""
        )
        if wanted is not None:
            statement = statement.where(_c.name.in_(sorted({r.name for r in wanted})))
        found = {_ref(row): _periods(row.periods) for row in await self._select(statement)}
        return {r: p for r, p in found.items() if wanted is None or r in wanted}

    async def seen_at(self) -> datetime | None:
        """When the watch last said that it is there. Raises Unavailable."""
        found = await self._select(select(_c.seen_at).where(_c.cluster == self._cluster, _c.kind == ""))
        return found[0].seen_at if found else None

    async def mark(self, periods: Mapping[ObjectRef, Sequence[HealthPeriod]], seen_at: datetime) -> None:
        """Replace the periods of these objects; everything else stood as known until `seen_at`."""
        rows = [self._row(ref.kind, ref.namespace, ref.name, p, seen_at) for ref, p in periods.items()]
        rows.append(self._row("", "", "", (), seen_at))
        insert = self._database.insert(_table)
        new = insert.excluded
        upsert = insert.on_conflict_do_update(
            index_elements=list(_table.primary_key.columns),
            set_={"periods": new.periods, "seen_at": new.seen_at},
        )
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            await self._write(upsert, batch)

    async def prune(self, older_than: datetime) -> int:
        """Forget objects whose last healthy period ended before; one that is healthy still is never forgotten."""
        quiet = select(_c.kind, _c.namespace, _c.name, _c.periods, _c.seen_at).where(
            _c.cluster == self._cluster, _c.kind != "", _c.seen_at < older_than
        )
        over = [
            and_(_c.kind == row.kind, _c.namespace == row.namespace, _c.name == row.name)
            for row in await self._select(quiet)
            if all(p.until is not None and p.until < older_than for p in _periods(row.periods))
        ]
        found = 0
        for start in range(0, len(over), BATCH // 10):
            here = or_(*over[start : start + BATCH // 10])
            # who was written about meanwhile stays
            old = delete(_table).where(_c.cluster == self._cluster, _c.seen_at < older_than, here)

            async def drop(connection: AsyncConnection, statement: Any = old) -> int:
                return (await connection.execute(statement)).rowcount

            found += await self._database.write(drop)
        return found

    def _row(
        self, kind: str, namespace: str, name: str, periods: Sequence[HealthPeriod], seen_at: datetime
    ) -> dict[str, Any]:
        kept = [
            [p.since.isoformat(), p.until.isoformat() if p.until else None] for p in periods[-MOST_PERIODS:]
        ]
        where = {"cluster": self._cluster, "kind": kind, "namespace": namespace, "name": name}
        return {**where, "periods": kept, "seen_at": seen_at}

    async def _write(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        async def put(connection: AsyncConnection) -> None:
            await connection.execute(statement, rows)

        await self._database.write(put)

    async def _select(self, statement: Any) -> Sequence[Row[Any]]:
        async def ask(connection: AsyncConnection) -> Sequence[Row[Any]]:
            found: Sequence[Row[Any]] = (await connection.execute(statement)).all()
            return found

        return await self._database.read(ask)


def _ref(row: Row[Any]) -> ObjectRef:
    return ObjectRef.model_construct(kind=row.kind, namespace=row.namespace, name=row.name)


def _periods(kept: Any) -> list[HealthPeriod]:
    return [
        HealthPeriod(
            since=datetime.fromisoformat(since), until=datetime.fromisoformat(until) if until else None
        )
        for since, until in kept or ()
    ]
