"""The migrations make exactly the models' tables: from nothing, again, and when several start at once."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.errors import Invalid
from suture.memory.database import Database
from suture.memory.migrations import HEAD, config, upgrade
from suture.memory.store import SqlMemory
from suture.memory.tables import Base

SEED_COLUMNS = {
    "incidents": "incident_id type detected_at resolved_at status metrics_snapshot mttr_seconds",
    "healing_actions": "action_id incident_id proposed_action agl_decision approved_action "
    "executed_at result",
    "config_history": "config_id changed_by changes reason incident_id",
    "memory_chunks": "memory_id incident_type incident_summary action_taken outcome metrics_before "
    "metrics_after mttr_seconds",
}


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_models_and_migrations_agree(memory: SqlMemory) -> None:
    async with memory.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_tables_have_every_column_of_the_original_schema(memory: SqlMemory) -> None:
    def columns(connection: Connection) -> dict[str, set[str]]:
        return {t: {c["name"] for c in inspect(connection).get_columns(t)} for t in SEED_COLUMNS}

    async with memory.database.engine.connect() as connection:
        found = await connection.run_sync(columns)
    for table, names in SEED_COLUMNS.items():
        assert set(names.split()) <= found[table]


async def test_an_up_to_date_start_is_quick_and_changes_nothing(memory: SqlMemory) -> None:
    begun = time.perf_counter()
    assert await upgrade(memory.database) is False
    assert time.perf_counter() - begun < 0.5  # measured alone: a few milliseconds


def test_the_known_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD


async def test_many_may_start_at_once(url: str) -> None:
    databases = [await Database(url).prepare() for _ in range(4)]
    made = await asyncio.gather(*(upgrade(d) for d in databases))
    assert sorted(made) == [False, False, False, True]
    await asyncio.gather(*(d.close() for d in databases))


async def test_a_newer_database_is_refused(url: str) -> None:
    async with await SqlMemory.connect(url) as memory:
        await memory.database.write(
            lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        )
    with pytest.raises(Invalid, match="newer version"):
        await SqlMemory.connect(url)


async def test_down_and_up_again(url: str) -> None:
    from alembic import command

    def down(connection: Connection) -> None:
        made = config()
        made.attributes["connection"] = connection
        command.downgrade(made, "base")

    async with await SqlMemory.connect(url) as memory:
        await memory.database.write(lambda c: c.run_sync(down))
        assert await upgrade(memory.database) is True
        await memory.ready()


async def test_what_people_said_survives_a_changed_key(url: str) -> None:
    """The table of approvals gets another primary key: its rows are taken over, on both databases, up and down."""
    from alembic import command

    def go(connection: Connection, revision: str) -> None:
        made = config()
        made.attributes["connection"] = connection
        (command.downgrade if revision == "0002" else command.upgrade)(made, revision)

    old = "INSERT INTO approvals VALUES ('i1', 'h', :choice, 'ada', 'why', '2026-03-01 03:00:00')"
    async with await SqlMemory.connect(url) as memory:
        await memory.database.write(lambda c: c.run_sync(go, "0002"))
        for choice in ("reject", "approve"):
            statement = text(old).bindparams(choice=choice)
            await memory.database.write(functools.partial(AsyncConnection.execute, statement=statement))
        await memory.database.write(lambda c: c.run_sync(go, "head"))
        kept = await memory.database.read(
            lambda c: c.execute(
                text("SELECT number, decided_by, reason, asked FROM approvals ORDER BY number")
            )
        )
        assert [tuple(row) for row in kept] == [(1, "ada", "why", 0), (2, "ada", "why", 0)]
        await memory.database.write(lambda c: c.run_sync(go, "0002"))
        await memory.database.write(lambda c: c.run_sync(go, "head"))
        again = await memory.database.read(lambda c: c.execute(text("SELECT count(*) FROM approvals")))
        assert again.scalar_one() == 2
