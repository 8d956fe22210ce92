"""Emergencies as people drive them: real Temporal, real governor, the command in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from suture.settings import TASK_QUEUE
from tests.cli.conftest import Run
from tests.emergency.engines import Engine, opened

pytestmark = pytest.mark.temporal
Command = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]
RULES: dict[str, Any] = {
    "restore": [{"name": "database", "targets": ["Deployment/shop/db"]}],
    "guided": [{"name": "restore-database", "title": "Restore it", "commands": ["pg_restore latest"]}],
}


@pytest.fixture
async def engine(temporal: Client, home: Path) -> AsyncIterator[Engine]:
    async with opened(temporal, home, **RULES) as engine:
        engine.queue = TASK_QUEUE
        engine.cluster.deploy("db")
        async with engine.worker():
            yield engine


@pytest.fixture
def command(suture: Run, engine: Engine, temporal: Client) -> Command:
    variables = {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "SUTURE_CLUSTER": engine.name,
    }

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(suture, "emergency", *arguments, **variables)

    return run


async def shows(command: Command, words: str) -> str:
    async with asyncio.timeout(30):
        while words not in (shown := (await command("status")).stdout):
            pass
    return shown


async def test_maintenance(engine: Engine, command: Command) -> None:
    assert (await command("status")).stdout == "nothing: no maintenance, no outage\n"
    none = await command("maintenance", "off", "--reason", "x")
    assert "there is no maintenance" in none.stderr
    assert "suture emergency maintenance on" in none.stderr
    begun = await command("maintenance", "on", "--reason", "new disks", "--for", "2h", "--by", "ann")
    assert begun.returncode == 0, begun.stderr
    assert "it ends by itself at" in begun.stdout
    assert "by ann: new disks" in await shows(command, "maintenance  on")
    again = await command("maintenance", "on", "--reason", "more disks")
    assert (again.returncode, "runs already" in again.stderr) == (1, True)
    assert "ends, by ada" in (await command("maintenance", "off", "--reason", "done")).stdout
    await shows(command, "nothing: no maintenance")
    assert not (await engine.standing()).maintenance


async def test_outage(engine: Engine, command: Command) -> None:
    declared = await command("outage", "--reason", "the power is gone")
    assert f"declared: mass-outage/{engine.name} by ada" in declared.stdout
    shown = await shows(command, "[ ] restore-database")
    assert "pg_restore latest" in shown
    assert "L4 on call" in await shows(command, "L4 on call")
    assert (await engine.standing()).stopped
    assert "done by ada" in (await command("confirm", "restore-database", "--note", "took an hour")).stdout
    wrong = await command("restore", "--reason", "go", "--group", "gateway")
    assert "the next group is database" in wrong.stderr
    assert "database is approved" in (await command("restore", "--reason", "go")).stdout
    await shows(command, "database         healthy")
    state = json.loads((await command("status", "--json")).stdout)["outage"]
    assert state["steps"][0]["done_by"] == "ada"
    assert "mass outage ends" in (await command("end", "--reason", "all is back")).stdout
    await shows(command, "nothing: no maintenance")
    assert not (await engine.standing()).stopped


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("maintenance", "on"), "--reason"),
        (("outage", "--reason", ""), "reason"),
        (("maintenance", "on", "--reason", "x", "--for", "soon"), "no length of time"),
        (("end", "--reason"), "--reason"),
    ],
)
async def test_wrong_use_is_told(command: Command, arguments: tuple[str, ...], word: str) -> None:
    done = await command(*arguments)
    assert done.returncode == 2, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr
