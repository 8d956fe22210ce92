"""kill -9 in the middle of maintenance mode and of a restoration, on a real API server: nothing twice, one undo."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client, WorkflowHandle

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from suture.domain.emergency import MaintenanceStatus, OutageStatus
from suture.memory import queries
from suture.memory.store import SqlMemory
from suture.settings import TASK_QUEUE
from tests.durability.test_killed_workers import Nursery
from tests.e2e.shop import Shop, Writes
from tests.emergency.engines import until

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
REACHED = 30.0  # seconds in which a worker must have come to its end
BEFORE = {"colour": "blue", "maintenance_message": "welcome"}
DURING = {"colour": "blue", "maintenance_mode": "true", "maintenance_message": "back at noon"}
GROUPS = [
    {"name": "database", "targets": ["Deployment/restored/db"]},
    {"name": "gateway", "targets": ["Deployment/restored/gateway"]},
]


def settings_map(shop: Shop) -> dict[str, str]:
    found = shop.kube.get("ConfigMap", shop.namespace, "system-config")
    assert found is not None
    return dict(found["data"])


@pytest.fixture
def make_shop(lab_cluster: LabCluster) -> Iterator[Callable[[str], Shop]]:
    made: list[Shop] = []

    def make(namespace: str) -> Shop:
        made.append(Shop(lab_cluster, namespace))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def namespace() -> str:
    """One that no other test has left in the middle of its deletion."""
    return f"maintained-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def nursery(
    lab_cluster: LabCluster,
    temporal_server: TemporalDevServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    namespace: str,
) -> Iterator[Nursery]:
    switch = {"namespace": namespace, "name": "system-config"}
    rules = {"maintenance": switch, "restore": GROUPS, "stable_for": 1, "look_every": 1}
    (tmp_path / "emergency.yaml").write_text(yaml.safe_dump(rules))
    monkeypatch.setenv("SUTURE_EMERGENCY", str(tmp_path / "emergency.yaml"))
    nursery = Nursery(lab_cluster, temporal_server, tmp_path)
    yield nursery
    nursery.process.kill()
    nursery.process.wait()


async def begin(client: Client, kind: str, name: str, **said: Any) -> WorkflowHandle[Any, Any]:
    start = {"cluster": "lab", "by": "ann", "reason": "new disks", **said}
    return await client.start_workflow(kind, start, id=f"{kind}/{name}", task_queue=TASK_QUEUE)


ON = ("after:throw", "after:begin_action", "before:apply", "after:apply", "after:release")
OFF = ("before:apply#2", "after:apply#2", "after:lift")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("point", [*ON, *OFF])
async def test_killed_in_maintenance(
    make_shop: Callable[[str], Shop],
    nursery: Nursery,
    lab_cluster: LabCluster,
    temporal: Client,
    tmp_path: Path,
    namespace: str,
    point: str,
) -> None:
    shop = make_shop(namespace)
    shop.kube.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "system-config"}, "data": BEFORE},
        shop.namespace,
    )
    writes = Writes(lab_cluster.home, shop.namespace)
    handle = await begin(temporal, "MaintenanceMode", point, message="back at noon")
    doomed = await nursery.start(point)
    last = 0
    if point in ON:
        assert await nursery.end(doomed, REACHED)
        last = await nursery.start("none")
    try:
        await until(handle, MaintenanceStatus, lambda s: s.phase == "on", 60)
        assert settings_map(shop) == DURING
        assert writes.names() == ["system-config"]
        if point in OFF:
            ending = asyncio.ensure_future(handle.execute_update("end", {"by": "bob", "reason": "done"}))
            assert await nursery.end(doomed, REACHED)
            last = await nursery.start("none")
            await ending
        else:
            await handle.execute_update("end", {"by": "bob", "reason": "done"})
        ended = await asyncio.wait_for(handle.result(), 60)
    finally:
        await nursery.end(last or doomed, 0)
    assert (ended["phase"], ended["problem"]) == ("off", "")
    assert settings_map(shop) == BEFORE
    assert writes.names() == ["system-config"] * 2  # on, and its undo
    await _told_once(tmp_path, handle.id, f"ConfigMap/{namespace}/system-config")


async def _told_once(home: Path, workflow_id: str, changed: str) -> None:
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{home / 'memory.db'}") as memory:
        story = await queries.incident(memory, workflow_id)
    assert sorted(c.target for c in story.changes) == [
        changed,
        changed,
        "governor/maintenance/maintenance-mode",
        "governor/maintenance/maintenance-mode",
    ]
    assert [a.state for a in story.actions] == ["done", "done"]
    assert story.record is not None
    [attempt] = story.record.attempts
    assert (len(attempt.receipts), len(attempt.undone), attempt.verified) == (1, 1, True)


@pytest.mark.timeout(400)
async def test_killed_in_a_restoration(
    make_shop: Callable[[str], Shop], nursery: Nursery, lab_cluster: LabCluster, temporal: Client
) -> None:
    shop = make_shop("restored")
    await asyncio.to_thread(shop.open, ["db", "gateway", "other"])
    writes = Writes(lab_cluster.home, shop.namespace)
    doomed = await nursery.start("after:apply")
    handle = await begin(temporal, "MassOutage", "restored")
    await until(handle, OutageStatus, lambda s: s.survey and s.groups, 60)
    await handle.execute_update("restore", {"by": "ann", "reason": "go"})
    assert await nursery.end(doomed, REACHED)
    last = await nursery.start("none")
    try:
        await until(handle, OutageStatus, lambda s: s.groups[0].state == "healthy", 90)
        assert writes.names() == ["db"]
        await handle.execute_update("restore", {"by": "ann", "reason": "go"})
        state = await until(handle, OutageStatus, lambda s: s.groups[1].state == "healthy", 90)
        await handle.execute_update("end", {"by": "ann", "reason": "all is back"})
        await asyncio.wait_for(handle.result(), 60)
    finally:
        await nursery.end(last, 0)
    assert writes.names() == ["db", "gateway"]
    assert state.survey.nodes > 0
    for name, generation in (("db", 2), ("gateway", 2), ("other", 1)):
        assert shop.get(name)["metadata"]["generation"] == generation
