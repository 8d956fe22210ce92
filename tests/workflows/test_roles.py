"""Workers with one role each heal together; the one that changes targets listens on a queue of its own."""

from __future__ import annotations

import uuid

from temporalio.client import Client

from suture.domain.stages import Outcome
from suture.settings import Settings
from tests.workflows.harness import QUICK, World
from worker.bootstrap import Role, worker


async def test_an_incident_across_roles(temporal: Client) -> None:
    queue = f"roles-{uuid.uuid4().hex[:8]}"
    options = QUICK.model_copy(update={"actions_queue": f"{queue}-actions"})
    w = World(temporal, queue, options)
    settings = Settings(autopilot=True, _env_file=None)
    target = w.cluster.deploy("web", image="bad")
    async with (
        worker(temporal, settings, Role.WORKFLOWS, options, None, queue),
        worker(temporal, settings, Role.STAGES, options, w.ports, queue),
    ):
        handle = await w.report(target)
        async with worker(temporal, settings, Role.ACTIONS, options, w.ports, queue):
            result = await handle.result()
        queues = {
            e.activity_task_scheduled_event_attributes.task_queue.name
            async for e in handle.fetch_history_events()
            if e.HasField("activity_task_scheduled_event_attributes")
            and e.activity_task_scheduled_event_attributes.activity_type.name == "execute"
        }
    assert result.outcome is Outcome.HEALED
    assert queues == {options.actions_queue}
