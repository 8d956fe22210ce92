"""One door to SQLite and PostgreSQL: short transactions, translated errors, writers that share.

SQLite has one writer at a time. Writes that arrive while a transaction is under way share the next one (group
commit), so 200 incidents at once neither meet "database is locked" nor wait for 200 commits. PostgreSQL gets
a transaction for each.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from suture.memory.faults import mapped
from suture.memory.groups import GroupCommit

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

BUSY_SECONDS = 15.0  # how long to wait for another process's lock on a SQLite file
ANSWER_SECONDS = 60.0  # how long one transaction may take
POSTGRES = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
PRAGMAS = (
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    "journal_size_limit = 67108864",
)


def parse_url(url: str) -> URL:
    """The URL with the driver that Suture uses. Raises ValueError, without quoting the password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(
            "the database's URL cannot be read: write postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE"
        ) from None
    backend, _, driver = parsed.drivername.partition("+")
    if backend in ("postgresql", "postgres") and driver in ("", "psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and driver in ("", "aiosqlite"):
        if parsed.database in (None, "", ":memory:"):
            raise ValueError(
                "SQLite in memory forgets everything: name a file, for example sqlite:///memory.db"
            )
        return parsed.set(drivername="sqlite+aiosqlite")
    raise ValueError(
        f"databases of the kind {parsed.drivername!r} are not supported: use postgresql:// or sqlite:///"
    )


class Database:
    """Two verbs: `write` runs a repeatable function in one transaction, `read` in a snapshot."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.name = (
            self.url.database if self.is_sqlite else self.url.set(password=None, query={}).render_as_string()
        )
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)
        self._group = GroupCommit(self._grouped)

    async def prepare(self) -> Self:
        """SQLite: make the file (for its owner only) and its folder, and switch to write-ahead logging."""
        if self.is_sqlite:
            with mapped(str(self.name)):
                await asyncio.to_thread(_make_file, Path(str(self.url.database)))
                await self._write_ahead()
        return self

    async def _write_ahead(self) -> None:
        async with self.engine.connect() as connection:
            await connection.execution_options(suture_begin="")
            mode = await connection.exec_driver_sql("PRAGMA journal_mode")
            if mode.scalar() != "wal":
                await connection.exec_driver_sql("PRAGMA journal_mode = WAL")

    def insert(self, table: Any) -> postgresql.Insert:
        """The dialect's INSERT, which knows ON CONFLICT (both dialects have the same methods)."""
        return cast(postgresql.Insert, sqlite.insert(table)) if self.is_sqlite else postgresql.insert(table)

    async def write(self, work: Work[T]) -> T:
        """The result of `work`, run in a transaction, perhaps twice. Raises Unavailable, Invalid."""
        if self.is_sqlite:
            return await self.alone(work)
        found: list[T] = await self._repeated(lambda: self._transaction([work]))
        return found[0]

    async def alone(self, work: Work[T]) -> T:
        """As `write`, for works that wait for one another anyway: on PostgreSQL, too, those that come together share a
        transaction. Raises Unavailable, Invalid.
        """
        return cast(T, await self._group.submit(work))

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a connection that changes nothing. Raises Unavailable, Invalid."""

        async def once() -> list[T]:
            async with asyncio.timeout(ANSWER_SECONDS), self.engine.connect() as connection:
                return [await work(connection)]

        return (await self._repeated(once))[0]

    async def _transaction(self, works: list[Work[Any]]) -> list[Any]:
        async with asyncio.timeout(ANSWER_SECONDS), self.engine.connect() as connection:
            await connection.execution_options(suture_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                return [await work(connection) for work in works]

    async def _grouped(self, works: list[Work[Any]]) -> list[Any]:
        return await self._repeated(lambda: self._transaction(works))

    async def _repeated(self, once: Callable[[], Awaitable[list[T]]]) -> list[T]:
        """A pooled connection may have died since it was used last: the second try gets a new one."""
        with mapped(str(self.name)):
            try:
                return await once()
            except DBAPIError as e:
                if not e.connection_invalidated:
                    raise
                return await once()

    async def close(self) -> None:
        """Finish what is being written and close all connections."""
        await self._group.idle()
        await self.engine.dispose()


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _postgres_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url, connect_args=POSTGRES, pool_size=10, max_overflow=10, pool_timeout=30, hide_parameters=True
    )


def _sqlite_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True, pool_reset_on_return=None
    )
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    """A writer takes the lock at once: one that read first could not wait for it later."""
    begin = connection.get_execution_options().get("suture_begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)
