"""The journal of notifications: of many who want to send the same, one does, once; whoever dies is not repeated."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from suture.memory import notifications
from suture.memory.notifications import SqlNotifications
from suture.memory.store import SqlMemory
from suture.memory.tables import Notification
from suture.ports import Claim

STEP = ("i1", "end/L1/0", "on-call")


@pytest.fixture
def journal(memory: SqlMemory) -> SqlNotifications:
    return SqlNotifications(memory.database)


async def test_one_of_many_may_send(journal: SqlNotifications) -> None:
    claims = await asyncio.gather(*(journal.claim(*STEP, f"run{n}/1/1", "s") for n in range(10)))
    assert sorted(claims) == [Claim.BUSY] * 9 + [Claim.MINE]


async def test_what_was_sent_is_never_sent_again(journal: SqlNotifications) -> None:
    assert await journal.claim(*STEP, "run/1/1", "s") is Claim.MINE
    await journal.settle(*STEP, "run/1/1")
    for owner in ("run/1/2", "other/1/1"):
        assert await journal.claim(*STEP, owner, "s") is Claim.SENT
    assert await journal.claim("i1", "end/L2/0", "on-call", "run/2/1", "s") is Claim.MINE


async def test_what_was_refused_may_be_tried_again_by_one(journal: SqlNotifications) -> None:
    await journal.claim(*STEP, "run/1/1", "s")
    await journal.settle(*STEP, "run/1/1", "the receiver said password=hunter2")
    claims = await asyncio.gather(*(journal.claim(*STEP, f"run/1/{n}", "s") for n in range(2, 6)))
    assert claims.count(Claim.MINE) == 1


async def test_a_try_that_died_is_not_repeated(journal: SqlNotifications) -> None:
    await journal.claim(*STEP, "run/1/1", "s")
    assert await journal.claim(*STEP, "run/1/2", "s") is Claim.UNKNOWN
    assert await journal.claim(*STEP, "run/1/3", "s") is Claim.UNKNOWN
    await journal.settle(*STEP, "run/1/1")  # it was only slow: what it says is true
    assert await journal.claim(*STEP, "run/1/4", "s") is Claim.SENT


async def test_a_claim_of_another_run_counts_until_its_lease_is_over(
    journal: SqlNotifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.claim(*STEP, "before/1/1", "s")
    assert await journal.claim(*STEP, "after/1/1", "s") is Claim.BUSY
    monkeypatch.setattr(notifications, "LEASE", timedelta(0))
    assert await journal.claim(*STEP, "after/1/1", "s") is Claim.UNKNOWN


async def test_no_secret_is_kept(memory: SqlMemory, journal: SqlNotifications) -> None:
    await journal.claim(*STEP, "run/1/1", "token=t0ps3cretword")
    await journal.settle(*STEP, "run/1/1", "refused: token=t0ps3cretword")

    async def read(connection: Any) -> Any:
        return (await connection.execute(select(Notification.__table__))).one()

    row = await memory.database.read(read)
    assert "t0ps3cretword" not in str(row)
    assert (row.state, row.tries) == ("failed", 1)
