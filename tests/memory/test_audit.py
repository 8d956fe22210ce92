"""The audit log only grows, in one chain whoever writes, and shows every kind of tampering. On SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from suture.domain.audit import START, AuditEntry, Result
from suture.domain.errors import SutureError
from suture.memory.audit import SqlAudit
from suture.memory.store import SqlMemory
from tests.memory.postgres import PostgresServer

KEY = bytes(64)


def entry(number: int = 0, **more: Any) -> AuditEntry:
    said = {
        "at": datetime(2026, 1, 1, 3, 0, number, 123456, tzinfo=UTC),
        "by": "ann",
        "via": "token",
        "address": "203.0.113.9",
        "action": "approve",
        "subject": "web-1",
        "result": Result.TAKEN,
        "reason": f"because {number}",
    }
    return AuditEntry.model_validate(said | more)


async def change(memory: SqlMemory, *statements: str) -> None:
    """As somebody with the database's own rights would."""

    async def work(connection: Any) -> None:
        for statement in statements:
            await connection.execute(text(statement))

    await memory.database.write(work)


def unlocked(memory: SqlMemory) -> list[str]:
    if memory.database.is_sqlite:
        return ["DROP TRIGGER audit_log_no_update", "DROP TRIGGER audit_log_no_delete"]
    return ["DROP TRIGGER audit_log_only_grows ON audit_log"]


async def test_lines_come_back_as_they_were_written(memory: SqlMemory) -> None:
    log = SqlAudit(memory.database, KEY)
    for number in range(3):
        await log.append(entry(number))
    await log.append(entry(4, by="bob", subject="cart-2", result=Result.REFUSED, detail="token=s3cr3tvalue"))
    assert [r.seq for r in await log.entries()] == [4, 3, 2, 1]
    assert [r.seq for r in await log.entries(limit=2, before=4)] == [3, 2]
    assert [r.seq for r in await log.entries(by="bob")] == [4]
    (last,) = await log.entries(subject="cart-2")
    assert (last.at, last.result) == (entry(4).at, Result.REFUSED)
    assert "s3cr3tvalue" not in last.model_dump_json()
    check = await log.verify()
    assert (check.lines, check.problems) == (4, [])
    assert check.head == last.hash


async def test_writers_at_once_make_one_chain(memory: SqlMemory, url: str) -> None:
    async with await SqlMemory.connect(url) as other:
        logs = [SqlAudit(memory.database, KEY), SqlAudit(other.database, KEY)]
        await asyncio.gather(*(logs[n % 2].append(entry(n % 60)) for n in range(60)))
        check = await logs[0].verify()
    assert (check.lines, check.problems) == (60, [])


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET reason = 'x'", "DELETE FROM audit_log", "DELETE FROM audit_log WHERE seq = 1"],
)
async def test_the_database_itself_lets_it_only_grow(memory: SqlMemory, statement: str) -> None:
    log = SqlAudit(memory.database, KEY)
    await log.append(entry())
    with pytest.raises(SutureError):
        await change(memory, statement)
    check = await log.verify()
    assert (check.lines, check.problems) == (1, [])


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ("UPDATE audit_log SET by = 'eve' WHERE seq = 2".replace("by", '"by"'), "line 2"),
        ("UPDATE audit_log SET reason = '' WHERE seq = 1", "line 1"),
        ("UPDATE audit_log SET result = 'refused' WHERE seq = 3", "line 3"),
        ("DELETE FROM audit_log WHERE seq = 2", "1 lines before line 3 are missing"),
        ("DELETE FROM audit_log WHERE seq = 1", "1 lines before line 2 are missing"),
        ("UPDATE audit_log SET hash = 'x' WHERE seq = 4", "line 4"),
    ],
)
async def test_tampering_shows(memory: SqlMemory, tampering: str, told: str) -> None:
    log = SqlAudit(memory.database, KEY)
    for number in range(5):
        await log.append(entry(number))
    await change(memory, *unlocked(memory), tampering)
    problems = (await log.verify()).problems
    assert problems
    assert told in problems[0]


async def test_a_cut_end_shows_by_a_hash_that_was_noted(memory: SqlMemory) -> None:
    log = SqlAudit(memory.database, KEY)
    for number in range(3):
        await log.append(entry(number))
    head = (await log.verify()).head
    assert (await log.verify(head)).problems == []
    await change(memory, *unlocked(memory), "DELETE FROM audit_log WHERE seq = 3")
    assert (await log.verify()).problems == []
    assert "the end was cut" in (await log.verify(head)).problems[0]


async def test_another_key_cannot_make_the_chain_anew(memory: SqlMemory) -> None:
    forger = SqlAudit(memory.database, bytes([1]) * 64)
    await forger.append(entry())
    check = await SqlAudit(memory.database, KEY).verify()
    assert check.head != START
    assert "not as it was written" in check.problems[0]


@pytest.mark.postgres
async def test_postgresql_refuses_to_truncate(postgres: PostgresServer) -> None:
    async with await SqlMemory.connect(postgres.database()) as memory:
        await SqlAudit(memory.database, KEY).append(entry())
        with pytest.raises(SutureError):
            await change(memory, "TRUNCATE audit_log")


async def test_a_link_serves_once_unless_it_is_given_back(memory: SqlMemory) -> None:
    log = SqlAudit(memory.database, KEY)
    assert sorted(await asyncio.gather(*(log.use("a") for _ in range(8)))) == [False] * 7 + [True]
    assert await log.used("a")
    assert not await log.used("b")
    await log.release("a")
    assert await log.use("a")
