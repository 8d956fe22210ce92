"""Group commit: writes that arrive while a transaction is under way share the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from suture.domain.errors import Unavailable

MAX_GROUP = 200


@dataclass
class _Job:
    work: Any
    done: asyncio.Future[Any]


class GroupCommit:
    """Feeds `transaction`, which runs a list of works in one transaction and returns their results.

    When a group fails because one work is wrong, each runs again alone, so that only the wrong one fails.
    When the database is away, all of them fail at once instead of waiting for it one after the other.
    """

    def __init__(self, transaction: Callable[[list[Any]], Awaitable[list[Any]]]) -> None:
        self._transaction = transaction
        self._waiting: list[_Job] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, work: Any) -> Any:
        """The work's result, once it is committed."""
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await job.done

    async def idle(self) -> None:
        """Returns when nothing is being written."""
        if self._task and not self._task.done():
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
            await self._commit([job for job in group if not job.done.done()])

    async def _commit(self, group: list[_Job]) -> None:
        try:
            results = await self._transaction([job.work for job in group])
        except asyncio.CancelledError:
            for job in group:
                job.done.cancel()
            raise
        except Exception as e:
            if len(group) > 1 and not isinstance(e, Unavailable):
                for job in group:
                    await self._commit([job])
            else:
                self._fail(group, e)
        else:
            for job, result in zip(group, results, strict=True):
                if not job.done.done():
                    job.done.set_result(result)

    @staticmethod
    def _fail(group: list[_Job], error: Exception) -> None:
        for job in group:
            if not job.done.done():
                job.done.set_exception(error if len(group) == 1 else type(error)(*error.args))
