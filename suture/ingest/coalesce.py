"""Group commit: a storm of reports about one target costs a few signals, and every caller still gets a true
answer.

The first report goes to the server at once. What arrives while that call is in flight waits, and goes as one
signal when it is back. A caller is answered only when the server has its report, so that a webhook's 2xx is a
promise.
"""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass, field

from suture.domain.errors import Unavailable
from suture.domain.report import ReportBatch
from suture.domain.target import Target
from suture.ports import Incidents

MAX_WAITING = 10_000


@dataclass
class _Caller:
    """What it reports, whether that may start an incident, where the answer goes, and the trace it belongs
    to.
    """

    target: Target
    batch: ReportBatch
    starts: bool
    told: asyncio.Future[bool]  # whether an incident has it
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class CoalescingIncidents:
    """Wraps another way to report; implements `ports.Incidents` itself.

    A caller that goes away while it waits withdraws nothing: its report is sent like the others.
    """

    def __init__(self, incidents: Incidents, max_waiting: int = MAX_WAITING) -> None:
        self._incidents = incidents
        self._max_waiting = max_waiting
        self._waiting: dict[str, list[_Caller]] = {}  # by workflow id; a key means that a lane runs
        self._lanes: set[asyncio.Task[None]] = set()
        self._callers = 0

    async def report(self, target: Target, batch: ReportBatch) -> str:
        """The workflow id, once the server has it. Raises Unavailable, also when too many callers wait."""
        await self._tell(target, batch, starts=True)
        return target.workflow_id

    async def resolved(self, target: Target, batch: ReportBatch) -> bool:
        """Whether a running incident has it. Raises Unavailable, also when too many callers wait."""
        return await self._tell(target, batch, starts=False)

    async def close(self) -> None:
        """Wait until everything that was accepted has been sent or refused."""
        while self._lanes:
            await asyncio.gather(*self._lanes, return_exceptions=True)

    async def _tell(self, target: Target, batch: ReportBatch, starts: bool) -> bool:
        if self._callers >= self._max_waiting:
            raise Unavailable(f"busy: {self._callers} reports wait for Temporal already")
        caller = _Caller(target, batch, starts, asyncio.get_running_loop().create_future())
        self._enqueue(caller)
        return await caller.told

    def _enqueue(self, caller: _Caller) -> None:
        self._callers += 1
        key = caller.target.workflow_id
        if key in self._waiting:
            self._waiting[key].append(caller)
            return
        self._waiting[key] = [caller]
        lane = asyncio.create_task(self._run(key), name=f"reports to {key}")
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    async def _run(self, key: str) -> None:
        """Send until nobody waits."""
        group: list[_Caller] = []
        try:
            while group := self._waiting[key]:
                self._waiting[key] = []
                await asyncio.create_task(self._send(group), context=group[0].context)
                self._callers -= len(group)
                group = []
        finally:
            left = [*group, *self._waiting.pop(key)]
            self._callers -= len(left)
            _fail(left, Unavailable("the gateway is stopping"))

    async def _send(self, group: list[_Caller]) -> None:
        target = group[0].target
        try:
            batch = ReportBatch.coalesce(report for one in group for report in one.batch.reports)
            if any(one.starts for one in group):
                await self._incidents.report(target, batch)
                told = True
            else:
                told = await self._incidents.resolved(target, batch)
        except Exception as e:
            _fail(group, e)
            return
        for one in group:
            if not one.told.done():
                one.told.set_result(told)


def _fail(group: list[_Caller], error: Exception) -> None:
    for one in group:
        if not one.told.done():
            one.told.set_exception(error)
