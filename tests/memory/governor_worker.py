"""Processes that heal incidents under the governor: each asks, holds, and gives back.

Run with URL and LOG it is their nursery: for each line of its input (numbers of incidents) it forks a worker and says its
pid, and at the end of the input how each of them ended. Each line of the log is one `write`: what happened, when (by the
machine's monotonic clock), in which process, and to which incident.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import defaultdict
from contextlib import suppress

from activities.release import look_after
from suture.domain.governor import AdmissionState, Turn
from suture.domain.stages import Severity
from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from tests.fakes import FakeIncidents
from tests.governor.turns import limits, turn

SHORT = {"lease_seconds": 5.0, "first_retry_seconds": 5.0, "last_retry_seconds": 10.0}
RULES = limits(  # the lease is longer than any process of a loaded machine is silent
    concurrency={"total": 6, "per_namespace": 2},
    rates=[{"per": "kind", "only": ["cordon"], "at_most": 5, "seconds": 1.5}],
    **SHORT,
)


class Fates(FakeIncidents):
    """An incident runs as long as the process that its plan names."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self.log = log

    async def runs(self, workflow_id: str) -> bool:
        with open(self.log) as lines:  # noqa: PTH123
            owners = [
                line.split()[2] for line in lines if line.split()[3] == workflow_id and line.startswith("ask")
            ]
        return bool(owners) and alive(int(owners[-1]))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wish(number: int) -> Turn:
    """Every seventh touches a node that all share, every fifth cordons; severities are mixed."""
    objects = ["Node/shared"] if number % 7 == 0 else []
    kinds = ["cordon"] if number % 5 == 0 else ["scale"]
    severity = list(Severity)[number // 4 % 4]
    return turn(f"w{number}", severity, kinds=kinds, objects=objects, namespace=f"n{number % 5}")


Calls = dict[str, asyncio.Event]


async def heal(governor: SqlGovernor, fates: Fates, log: int, number: int, calls: Calls) -> None:
    asked, called = wish(number), calls[wish(number).holder]

    def note(what: str, of: str = asked.holder) -> None:
        os.write(log, f"{what} {time.monotonic_ns()} {os.getpid()} {of} {number}\n".encode())

    note("ask")
    while True:
        admission = await governor.admit(asked)
        if admission.state is AdmissionState.GRANTED:
            break
        if await look_after(governor, fates):
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(called.wait(), 5 + 5 * random.random())
        called.clear()
    note("begin")
    await asyncio.sleep(0.02)
    note("end")
    for holder in await governor.release(asked.holder):
        note("call", holder)
    note("done")


async def listen(file: str, calls: Calls) -> None:
    """Calls reach every process, as Temporal's signals do."""
    with open(file) as lines:  # noqa: PTH123
        while True:
            for line in lines:
                if line.startswith("call "):
                    calls[line.split()[3]].set()
            await asyncio.sleep(0.02)


async def main(url: str, file: str, numbers: list[int]) -> None:
    log = os.open(file, os.O_WRONLY | os.O_APPEND)
    async with await SqlMemory.connect(url) as memory:
        governor = SqlGovernor(memory.database, RULES)
        calls: Calls = defaultdict(asyncio.Event)
        listening = asyncio.create_task(listen(file, calls))
        await asyncio.gather(*(heal(governor, Fates(file), log, n, calls) for n in numbers))
        listening.cancel()


def nursery(url: str, log: str) -> None:
    children = []
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            asyncio.run(main(url, log, [int(n) for n in line.split(",")]))
            os._exit(0)
        children.append(pid)
        print(pid, flush=True)
    for pid in children:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    nursery(sys.argv[1], sys.argv[2])
