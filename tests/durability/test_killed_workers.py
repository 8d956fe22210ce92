"""kill -9 at every step of real incidents on a real API server: nothing lost, nothing done twice, every incident ends."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.software import set_software
from lab.temporal import TemporalDevServer
from suture.domain.incident import IncidentStart, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.stages import Outcome
from suture.domain.target import Target
from suture.memory.store import SqlMemory
from suture.memory.tables import HealingAction
from suture.settings import TASK_QUEUE

NAMESPACE = "doomed"
POINTS = [
    f"{when}:{step}"
    for step in ("snapshot", "open_incident", "put_evidence", "journal", "prepare", "begin_action", "apply", "end_action", "save_incident")
    for when in ("before", "after")
]
NAMES = [f"web-{n}" for n in range(len(POINTS) // 2)]
GOOD, BAD = "registry.example.com/web:1.0", "registry.example.com/web:2.0-broken"
OPTIONS = Options(stable_for=1, cooldown=0, verify_timeout=90, grace_limit=60)


def manifest(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": GOOD}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def broken(lab_cluster: LabCluster) -> LabCluster:
    """Deployments whose newest rollout asks for an image that does not exist."""
    kube = lab_cluster.kube()
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    set_software(lab_cluster.home, NAMESPACE, {name: {"images": [GOOD]} for name in NAMES})
    for name in NAMES:
        kube.apply(manifest(name), NAMESPACE)
    _until(lambda: all(kube.get("Deployment", NAMESPACE, n)["status"].get("availableReplicas") for n in NAMES))  # type: ignore[index]
    for name in NAMES:
        kube.patch("Deployment", NAMESPACE, name, {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": BAD}]}}}})
    return lab_cluster


def _until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.3)


def spawn(point: str, cluster: LabCluster, server: TemporalDevServer, home: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.engine_kubeconfig),
        "TEMPORAL_ADDRESS": server.address,
        "SUTURE_STATE_DIR": str(home),
        "PYTHONPATH": os.pathsep.join(["."]),
    }
    command = [sys.executable, "-m", "tests.durability.doomed_worker", point]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=(home / "worker.log").open("a"), text=True)


async def start(client: Client, name: str) -> Any:
    target = Target(cluster="lab", namespace=NAMESPACE, kind="Deployment", name=name)
    batch = ReportBatch(reports=[Report(source="test", target=target, reason="KubePodNotReady")])
    return await client.start_workflow(
        "Incident",
        IncidentStart(target=target, options=OPTIONS, awaits_report=True),
        id=target.workflow_id,
        task_queue=TASK_QUEUE,
        start_signal="report",
        start_signal_args=[batch],
    )


@pytest.mark.timeout(400)
async def test_killed_at_every_step(broken: LabCluster, temporal_server: TemporalDevServer, temporal: Client, tmp_path: Path) -> None:
    offset = (broken.home / "audit.log").stat().st_size
    handles = [await start(temporal, name) for name in NAMES]
    died = []
    for point in POINTS:
        process = spawn(point, broken, temporal_server, tmp_path)
        try:
            died.append(await asyncio.to_thread(process.wait, 25) == -9)
        except subprocess.TimeoutExpired:
            process.kill()
            died.append(False)
    last = spawn("none", broken, temporal_server, tmp_path)
    try:
        results = await asyncio.wait_for(asyncio.gather(*(h.result() for h in handles)), 120)
    finally:
        last.terminate()
        last.wait(20)
    assert sum(died) >= len(POINTS) - 2, f"these steps were never reached: {[p for p, d in zip(POINTS, died, strict=True) if not d]}"
    assert [r["outcome"] for r in results] == [Outcome.HEALED] * len(NAMES)
    _exactly_once_on_the_server(broken, offset)
    await _exactly_once_in_the_database(tmp_path)


def _exactly_once_on_the_server(cluster: LabCluster, offset: int) -> None:
    """One write for each deployment in the audit log, and the spec as it was before the fault."""
    with (cluster.home / "audit.log").open() as log:
        log.seek(offset)
        events = [json.loads(line) for line in log]
    writes = [
        e["objectRef"]["name"]
        for e in events
        if e["user"]["username"] == "engine"
        and e["objectRef"].get("namespace") == NAMESPACE
        and "dryRun" not in e["requestURI"]
        and e["responseStatus"]["code"] < 300
    ]
    assert sorted(writes) == sorted(NAMES)
    for name in NAMES:
        found = cluster.kube().get("Deployment", NAMESPACE, name)
        assert found is not None
        assert found["metadata"]["generation"] == 3  # created, broken, healed
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == GOOD


async def _exactly_once_in_the_database(home: Path) -> None:
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{home / 'memory.db'}") as memory:

        async def read(connection: Any) -> list[Any]:
            return list((await connection.execute(select(HealingAction.incident_id, HealingAction.state))).all())

        actions = await memory.database.read(read)
    assert len(actions) == len({a.incident_id for a in actions}) == len(NAMES)
    assert {a.state for a in actions} == {"done"}
