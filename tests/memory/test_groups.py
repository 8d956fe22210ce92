"""Group commit, without a database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from suture.domain.errors import Invalid, Unavailable
from suture.memory.groups import GroupCommit


class Recorder:
    """Transactions that take a moment; a work is a number, an exception fails its transaction."""

    def __init__(self) -> None:
        self.groups: list[int] = []

    async def __call__(self, works: list[Any]) -> list[Any]:
        self.groups.append(len(works))
        await asyncio.sleep(0.01)
        for work in works:
            if isinstance(work, Exception):
                raise work
        return works


async def test_writes_that_arrive_meanwhile_share_the_next_transaction() -> None:
    recorder = Recorder()
    group = GroupCommit(recorder)
    assert await asyncio.gather(*(group.submit(i) for i in range(100))) == list(range(100))
    assert len(recorder.groups) <= 2


async def test_one_wrong_write_does_not_fail_its_neighbours() -> None:
    group = GroupCommit(Recorder())
    wrong = Invalid("no such column")
    results = await asyncio.gather(*(group.submit(w) for w in (1, wrong, 2)), return_exceptions=True)
    assert results == [1, wrong, 2]


async def test_all_fail_at_once_when_the_database_is_away() -> None:
    recorder = Recorder()
    group = GroupCommit(recorder)
    results = await asyncio.gather(
        *(group.submit(w) for w in (1, Unavailable("away"), 2)), return_exceptions=True
    )
    assert [type(r) for r in results] == [Unavailable] * 3
    assert sum(recorder.groups) <= 4
    assert await group.submit(7) == 7


async def test_a_caller_that_gives_up_does_not_stop_the_others() -> None:
    group = GroupCommit(Recorder())
    first, second = asyncio.ensure_future(group.submit(1)), asyncio.ensure_future(group.submit(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 2
    with pytest.raises(asyncio.CancelledError):
        await first
    await group.idle()
