"""An engine with the real governor and the real database, prepared for emergencies, over a cluster in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.worker import Replayer

from policies.limits import Limits
from suture.domain.governor import Standing
from suture.memory.archive import SqlArchive
from suture.memory.governor import SqlGovernor
from suture.memory.queries import Story, incident
from suture.memory.store import SqlMemory
from suture.settings import Settings
from tests.fakes import FakeProber
from tests.workflows.harness import HISTORIES, QUICK, World, without_traces
from worker.bootstrap import Role, worker
from worker.plugin import SuturePlugin

RULES: dict[str, Any] = {"stable_for": 0, "verify_seconds": 2, "look_every": 0.5}


class Engine(World):
    """A world whose governor and memory are real. `name` is the cluster's."""

    def __init__(self, client: Client, memory: SqlMemory, home: Path, rules: dict[str, Any]) -> None:
        super().__init__(client, f"emergency-{uuid.uuid4().hex[:8]}", QUICK)
        self.name, self.sql = self.queue, memory
        self.governor = SqlGovernor(memory.database, Limits.load())
        self.ports = dataclasses.replace(
            self.ports, memory=memory, archive=SqlArchive(memory), governor=self.governor
        )
        self.prober = FakeProber()
        self.ports = dataclasses.replace(self.ports, prober=self.prober)
        self.file = home / "emergency.yaml"
        self.file.write_text(yaml.safe_dump({**RULES, **rules}))

    def worker(self) -> Any:
        settings = Settings(autopilot=True, emergency=self.file, cluster=self.name, _env_file=None)
        return worker(self.client, settings, Role.ALL, self.options, self.ports, self.queue)

    async def standing(self) -> Standing:
        stands: Standing = await self.governor.standing(self.name, "shop", datetime.now(UTC))
        return stands

    async def begin(self, kind: str, **said: Any) -> WorkflowHandle[Any, Any]:
        start = {"cluster": self.name, "by": "ann", "reason": "a drill", **said}
        handle = await self.client.start_workflow(
            kind, start, id=f"{kind}/{self.name}", task_queue=self.queue
        )
        self.handles.append(handle)
        return handle

    async def story(self, handle: WorkflowHandle[Any, Any]) -> Story:
        """What the database remembers."""
        return await incident(self.sql, handle.id)


@asynccontextmanager
async def opened(client: Client, home: Path, name: str = "", **rules: Any) -> AsyncIterator[Engine]:
    """The engine without a worker; at the end every history is replayed. With SUTURE_RECORD=1 it is also kept as `name`."""
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{home / 'memory.db'}") as memory:
        engine = Engine(client, memory, home, rules)
        yield engine
        for handle in engine.handles:
            history = await handle.fetch_history()
            await Replayer(workflows=[], plugins=[SuturePlugin()]).replay_workflow(history)
            if name and os.environ.get("SUTURE_RECORD"):
                recorded = {"workflow_id": handle.id, **without_traces(json.loads(history.to_json()))}
                (HISTORIES / f"{name}.json").write_text(json.dumps(recorded, separators=(",", ":")))


@asynccontextmanager
async def running(client: Client, home: Path, name: str = "", **rules: Any) -> AsyncIterator[Engine]:
    async with opened(client, home, name, **rules) as engine, engine.worker():
        yield engine


async def until(
    handle: WorkflowHandle[Any, Any], model: type[Any], holds: Callable[[Any], object], seconds: float = 30
) -> Any:
    """The status once it holds."""
    async with asyncio.timeout(seconds):
        while True:
            state = model.model_validate(await handle.query("status"))
            if holds(state):
                return state
            await asyncio.sleep(0.05)


async def refused(handle: WorkflowHandle[Any, Any], update: str, said: Any) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await handle.execute_update(update, said)
    return str(error.value.cause)
