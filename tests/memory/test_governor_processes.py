"""200 incidents in four processes, one of which is killed in the middle: limits hold throughout, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.memory.governor import SqlGovernor
from suture.memory.store import SqlMemory
from suture.memory.tables import GovernorChange
from tests.memory.governor_worker import RULES, alive, wish

INCIDENTS, PROCESSES = 200, 4
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Held:
    """From when to when an incident acted; a killed one until its process was dead."""

    number: int
    began: int
    ended: int


class Nursery:
    """Forks a worker for each share of the incidents."""

    def __init__(self, url: str, log: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.memory.governor_worker", url, str(log)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, numbers: list[int]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(",".join(map(str, numbers)) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self) -> list[int]:
        """How they all ended, in the order in which they were started."""
        return [int(line) for line in self.process.communicate()[0].split()]


async def until_begun(log: Path, pid: int, count: int) -> None:
    """Wait until a process has begun so many, and holds one of them right now."""
    async with asyncio.timeout(60):
        while True:
            mine = [line.split()[0] for line in log.read_text().splitlines() if f" {pid} " in line]
            if mine.count("begin") >= count and mine.count("begin") > mine.count("end"):
                return
            await asyncio.sleep(0.002)


def read(log: Path, killed: int, killed_at: int) -> list[Held]:
    found, begun = [], {}
    for line in log.read_text().splitlines():
        what, at, pid, _, number = line.split()
        if what == "begin":
            begun[pid, number] = int(at)
        elif what == "end":
            found.append(Held(int(number), begun.pop((pid, number)), int(at)))
    assert {int(pid) for pid, _ in begun} <= {killed}
    return found + [Held(int(n), at, killed_at) for (_, n), at in begun.items()]


def most_at_once(held: list[Held]) -> int:
    steps = sorted([(h.began, 1) for h in held] + [(h.ended, -1) for h in held])
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_limits_hold_across_processes_and_a_kill(url: str, tmp_path: Path) -> None:
    async with await SqlMemory.connect(url):  # the tables are there before anybody asks
        pass
    log = tmp_path / "log"
    log.touch()
    shares = [list(range(INCIDENTS))[n::PROCESSES] for n in range(PROCESSES)]
    nursery, pids = Nursery(url, log), []
    try:
        pids = [nursery.start(share) for share in shares]
        await until_begun(log, pids[0], 3)
        os.kill(pids[0], signal.SIGKILL)
        while alive(pids[0]):
            await asyncio.sleep(0.001)
        killed_at = time.monotonic_ns()
        done = {int(line.split()[4]) for line in log.read_text().splitlines() if line.startswith("done")}
        pids.append(nursery.start([n for n in shares[0] if n not in done]))
        codes = await asyncio.wait_for(asyncio.to_thread(nursery.ended), 150)
    finally:
        for pid in pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        nursery.process.kill()
        nursery.process.wait()
    assert codes == [-signal.SIGKILL] + [0] * PROCESSES
    held = read(log, pids[0], killed_at)
    assert {h.number for h in held} == set(range(INCIDENTS))
    check_limits(held)
    async with await SqlMemory.connect(url) as memory:
        left = await SqlGovernor(memory.database, RULES).overview("default")
        await check_rate(memory)
    assert (left.held, left.waiting) == ([], [])


def check_limits(held: list[Held]) -> None:
    by_lock: dict[str, list[Held]] = defaultdict(list)
    by_space: dict[str, list[Held]] = defaultdict(list)
    for one in held:
        asked = wish(one.number)
        by_space[asked.target.namespace].append(one)
        for ref in {asked.target.ref, *asked.objects}:
            by_lock[str(ref)].append(one)
    assert most_at_once(held) <= RULES.concurrency.total
    assert max(map(most_at_once, by_space.values())) <= RULES.concurrency.per_namespace
    assert max(map(most_at_once, by_lock.values())) == 1


async def check_rate(memory: SqlMemory) -> None:
    """By the durable record itself: a log is written some time after the turn was granted."""
    [rate] = RULES.rates
    statement = select(GovernorChange.at).where(GovernorChange.kind == "cordon").order_by(GovernorChange.at)

    async def look(connection: AsyncConnection) -> list[datetime]:
        return list((await connection.execute(statement)).scalars())

    at = await memory.database.read(look)
    assert len(at) == len([n for n in range(INCIDENTS) if wish(n).kinds == ["cordon"]])
    window = timedelta(seconds=rate.seconds)
    assert all(later - first >= window for first, later in zip(at, at[rate.at_most :], strict=False))
