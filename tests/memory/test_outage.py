"""The database goes away: callers hear Unavailable, no values, no passwords, and all is well afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from suture.domain.errors import Invalid, Unavailable
from suture.memory import database as database_module
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from tests.memory.postgres import PostgresServer
from tests.memory.samples import WEB, change, deployment, receipt, record


def calls(memory: SqlMemory) -> list[Callable[[], Awaitable[object]]]:
    ledger = SqlLedger(memory.database, "test")
    return [
        memory.ready,
        lambda: memory.open_incident(record()),
        lambda: memory.put_evidence("i1", "x", 1),
        lambda: memory.get_evidence("x"),
        lambda: memory.begin_action("i1", receipt(), None),
        lambda: memory.journal("i1/0"),
        lambda: memory.end_action("i1/0", None, "oops"),
        lambda: memory.save_incident(record()),
        lambda: ledger.record([change(deployment())]),
        lambda: ledger.last(WEB),
    ]


@pytest.mark.postgres
async def test_every_call_says_unavailable_while_the_server_is_away(postgres: PostgresServer) -> None:
    async with await SqlMemory.connect(postgres.database()) as memory:
        await asyncio.gather(*(memory.open_incident(record(f"i{n}")) for n in range(20)))
        postgres.stop()
        try:
            for call in calls(memory):
                with pytest.raises(Unavailable) as raised:
                    await call()
                assert postgres.password not in str(raised.value)
                assert raised.value.__cause__ is None
        finally:
            postgres.start()
        for call in calls(memory):  # connections that died are replaced without anybody noticing
            await call()


@pytest.mark.postgres
async def test_a_start_without_the_server_says_unavailable(postgres: PostgresServer) -> None:
    url = postgres.database().replace(postgres.password, "wrong-horse-9")
    with pytest.raises(Unavailable, match=r"refuses the user or the password|does not answer") as raised:
        await SqlMemory.connect(url)
    assert "wrong-horse-9" not in str(raised.value)
    with pytest.raises(Unavailable):
        await SqlMemory.connect("postgresql://u:wrong-horse-9@127.0.0.1:1/x")


async def test_a_lock_that_is_never_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/m.db") as memory:
        other = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="another process holds its lock"):
            await memory.open_incident(record())
        assert await memory.journal("readers still read") is None
        other.close()
        await memory.open_incident(record())


async def test_a_full_disk(tmp_path: Path) -> None:
    async with await SqlMemory.connect(f"sqlite:///{tmp_path}/m.db") as memory:
        await memory.database.write(lambda c: c.execute(text("PRAGMA max_page_count = 1")))
        with pytest.raises(Unavailable, match="the disk is full"):
            for n in range(50):
                await memory.put_evidence("i1", "x", [str(hash((n, i))) for i in range(2000)])


async def test_a_file_that_is_no_database_and_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_text("this is not a database, but a letter to my aunt\n" * 99)
    with pytest.raises(Unavailable, match="not a SQLite database"):
        await SqlMemory.connect(f"sqlite:///{tmp_path}/m.db")
    with pytest.raises(Unavailable):
        await SqlMemory.connect(f"sqlite:///{tmp_path}/m.db/sub/m.db")


async def test_a_mistake_of_ours_is_not_retried_and_quotes_nothing(memory: SqlMemory) -> None:
    with pytest.raises(Invalid) as raised:
        await memory.database.read(lambda c: c.execute(text("SELECT 'my-value-3' FROM no_such_table")))
    assert "my-value-3" not in str(raised.value)
    with pytest.raises(Invalid, match=r"database .*refuses the statement") as raised:
        wrong = text("INSERT INTO approvals (incident_id) VALUES ('my-value-3')")
        await memory.database.write(lambda c: c.execute(wrong))
    assert "my-value-3" not in str(raised.value)
