"""A real worker process whose cluster is in memory (one deployment that nothing heals) and whose calls are real: journal in a
database file, messages to a webhook. It kills itself with SIGKILL at one chosen call, as tests/durability/doomed_worker does.

Run as a program with one JSON argument: address, queue, database, escalation (file), point, healed (a file: once it is there,
the deployment is healthy).
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from suture.domain.snapshot import Snapshot
from suture.memory.archive import SqlArchive
from suture.memory.notifications import SqlNotifications
from suture.memory.store import SqlMemory
from suture.settings import Settings
from tests.durability.doomed_worker import Doomed
from tests.fakes import (
    FakeCluster,
    FakeCounters,
    FakeFeed,
    FakeGovernor,
    FakeIncidents,
    FakeLedger,
    FakeOnCall,
)
from worker.bootstrap import Ports, Role, escalation_file, notifier_of, options, worker
from worker.connect import connect


@dataclass(frozen=True)
class Orders:
    """What the process is told."""

    address: str
    queue: str
    database: str
    escalation: str
    healed: str
    point: str = "none"


class Hopeless(FakeCluster):
    """Its deployment heals by itself, when somebody writes a file."""

    def __init__(self, healed: Path) -> None:
        super().__init__()
        self._healed = healed
        self.deploy("web", image="bad", previous="worse")

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        if self._healed.exists():
            self.good["web"] = {"bad", "worse"}
        return await super().snapshot(namespace, fresh)


async def main(orders: Orders) -> None:
    settings = Settings(autopilot=True, escalation=Path(orders.escalation), _env_file=None)
    client = await connect(address=orders.address)
    async with await SqlMemory.connect(orders.database) as memory:
        ports = Ports(
            Hopeless(Path(orders.healed)),
            FakeFeed(),
            memory,
            FakeLedger(),
            FakeIncidents(),
            FakeCounters(),
            SqlArchive(memory),
            FakeOnCall(),
            Doomed(notifier_of(escalation_file(settings)), orders.point),
            Doomed(SqlNotifications(memory.database), orders.point),
            FakeGovernor(),
        )
        chosen = options(settings, Role.ALL, search_attributes=False)
        async with worker(client, settings, Role.ALL, chosen, ports, orders.queue):
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Orders(**json.loads(sys.argv[1]))))
