"""The demo from beginning to end: start, break, watch, ask, sum up, clean up."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx2
from rich.console import Console
from rich.markup import escape
from temporalio.client import Client

from lab.apps import deploy, unhealthy, wait_healthy
from lab.cluster import LabCluster
from lab.demo import approval
from lab.demo.breaks import APP, BREAKS, NAMESPACE, Break, webhook
from lab.demo.engine import Engine, wait_ready
from lab.demo.follow import follow
from lab.demo.screen import Line, Screen, console, screen, sum_up
from lab.kube import Kube
from lab.stack import Runtime, replace_variables, temporal_environment
from suture.cli.problems import Failure
from suture.domain.errors import TargetNotFound
from suture.domain.incident import IncidentRecord, Phase
from suture.domain.stages import Outcome
from suture.memory import queries
from suture.memory.store import SqlMemory
from worker.connect import connect

HEAL_SECONDS = 60.0
REMEMBER_LOOKS = 50  # five a second
WEBHOOK = "/v1/alerts/alertmanager"


def run(home: Path, keep: bool) -> int:
    """The whole demo in its own directory; returns the exit code."""
    out = console()
    return asyncio.run(_run(out, Engine(home), keep))


async def _run(out: Console, engine: Engine, keep: bool) -> int:
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began = time.monotonic()
    await asyncio.to_thread(engine.prepare)
    kept = False
    try:
        engine.launch()
        lines = await _story(out, engine, began)
        code = _sum_up(out, engine, lines, began)
        kept = keep
    except Failure as e:
        out.print(f"the demo failed: {escape(str(e))}", soft_wrap=True)
        out.print(f"logs: {engine.log} and {engine.home / 'cluster' / 'logs'}", soft_wrap=True)
        return 1
    finally:
        if kept:
            engine.let_go()
        else:
            await asyncio.shield(asyncio.to_thread(engine.stop))
    gone = "stopped all that was started (`suture demo --keep` leaves it running, and the links alive)"
    out.print(f"it is still running; stop it with: {engine.stop_command()}" if keep else gone, soft_wrap=True)
    return code


async def _story(out: Console, engine: Engine, began: float) -> list[Line]:
    out.print("starting a real control plane, a Temporal server and Suture, all of them the demo's own ...")
    runtime = await asyncio.to_thread(wait_ready, engine)
    cluster = LabCluster(engine.home / "cluster")
    kube = Kube(cluster.kubeconfig)
    out.print(f"deploying the sample shop {APP!r} ...")
    await asyncio.to_thread(deploy, cluster.kubeconfig, APP, NAMESPACE)
    await asyncio.to_thread(wait_healthy, cluster.kubeconfig, NAMESPACE)
    out.print(f"healthy after {time.monotonic() - began:.0f} s; Temporal UI: {runtime.ui}\n", soft_wrap=True)
    replace_variables("TEMPORAL_", temporal_environment(runtime.temporal, runtime.temporal_namespace))
    client = await connect()
    lines = [
        await _incident(out, client, runtime, kube, number, what) for number, what in enumerate(BREAKS, 1)
    ]
    await asyncio.to_thread(_all_well, kube)
    return lines


async def _incident(
    out: Console, client: Client, runtime: Runtime, kube: Kube, number: int, what: Break
) -> Line:
    out.print(f"({number}/{len(BREAKS)}) {what.title};\n      {what.noticed}", soft_wrap=True, markup=False)
    shown = screen(out)
    broke_at = datetime.now(UTC)
    await asyncio.to_thread(what.make, kube)
    if what.alert:
        await _post(runtime, what.alert)
    shown.begin(broke_at)
    workflow_id = what.target(runtime.cluster).workflow_id
    try:
        record = await _watch(out, client, shown, workflow_id)
    finally:
        shown.end()
    await _remembered(runtime, record)
    out.print(f"      {record.outcome}, and remembered\n")
    link = f"{runtime.ui}/namespaces/{runtime.temporal_namespace}/workflows/{quote(workflow_id, safe='')}"
    return Line.of(record, broke_at, link)


async def _watch(out: Console, client: Client, shown: Screen, workflow_id: str) -> IncidentRecord:
    """Show the incident until its end, and put its questions to the person at the terminal."""
    last: IncidentRecord | None = None
    answered: set[str] = set()
    async with contextlib.aclosing(follow(client, workflow_id, HEAL_SECONDS)) as looks:
        async for record in looks:
            shown.show(record)
            last = record or last
            request = record.approval if record and record.phase is Phase.WAITING_FOR_APPROVAL else None
            if record and request and request.plan_hash not in answered:
                shown.pause()
                await approval.settle(out, client, record)
                answered.add(request.plan_hash)
    if last is None or last.outcome is None:
        raise Failure(f"{workflow_id} did not end")
    return last


async def _remembered(runtime: Runtime, record: IncidentRecord) -> None:
    """Raises Failure unless the database knows the outcome within a few seconds."""
    async with await SqlMemory.connect(runtime.database, migrate=False) as memory:
        for _ in range(REMEMBER_LOOKS):
            with contextlib.suppress(TargetNotFound):
                told = await queries.incident(memory, record.incident_id)
                if told.incident.outcome == record.outcome:
                    return
            await asyncio.sleep(0.2)
    raise Failure(f"the database does not know how {record.incident_id} ended")


async def _post(runtime: Runtime, labels: dict[str, str]) -> None:
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
        answer = await http.post(runtime.gateway.rstrip("/") + WEBHOOK, json=webhook(labels))
    if answer.status_code >= 300:
        raise Failure(f"the gateway refused the alert: {answer.status_code} {answer.text[:200]}")


def _all_well(kube: Kube) -> None:
    deadline = time.monotonic() + 10
    while bad := unhealthy(kube, NAMESPACE):
        if time.monotonic() > deadline:
            raise Failure(f"the shop is not well: {', '.join(bad)}")
        time.sleep(0.3)


def _sum_up(out: Console, engine: Engine, lines: list[Line], began: float) -> int:
    sum_up(out, lines)
    healed = sum(line.outcome == Outcome.HEALED for line in lines)
    out.print(f"\n{healed} of {len(lines)} healed in {time.monotonic() - began:.0f} s")
    if healed < len(lines):
        out.print(f"logs: {engine.log} and {engine.home / 'cluster' / 'logs'}", soft_wrap=True)
    return 0 if healed == len(lines) else 1
