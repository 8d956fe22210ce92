"""The follow-up as people drive it: real Temporal, real database, the command in a process of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import Client

from suture.domain.post_incident import Duty, PostIncidentRules
from suture.memory.archive import SqlArchive
from suture.memory.store import SqlMemory
from suture.settings import Settings
from tests.cli.conftest import Run
from tests.workflows.harness import QUICK, World
from worker.bootstrap import Role, worker

pytestmark = pytest.mark.temporal
RULES = PostIncidentRules(due={duty: 600.0 for duty in Duty}, remind_before=1)
Command = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]


@pytest.fixture
async def engine(temporal: Client, home: Path) -> AsyncIterator[World]:
    w = World(temporal, "postmortem-cli", QUICK.model_copy(update={"post_incident": RULES}))
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{home / 'memory.db'}") as memory:
        w.ports = dataclasses.replace(w.ports, memory=memory, archive=SqlArchive(memory))
        settings = Settings(autopilot=True, _env_file=None)
        async with worker(temporal, settings, Role.ALL, w.options, w.ports, w.queue):
            yield w


@pytest.fixture
def command(suture: Run, home: Path, temporal: Client) -> Command:
    variables = {
        "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
        "SUTURE_DATABASE": f"sqlite+aiosqlite:///{home / 'memory.db'}",
    }

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(suture, "postmortem", *arguments, **variables)

    return run


async def test_from_the_list_to_the_end(engine: World, command: Command, home: Path) -> None:
    assert "nothing is owed" in (await command("list")).stdout
    handle = await engine.report(engine.cluster.deploy("web", image="bad", previous="worse"))
    incident = (await handle.result()).incident_id
    async with asyncio.timeout(30):
        while incident not in (listed := await command("list")).stdout:
            assert listed.returncode == 0, listed.stderr
    assert "report, rca, action_items, improvement, review" in listed.stdout
    refused = await command("close", incident)
    assert refused.returncode == 1
    assert "still owed" in refused.stderr
    no_cause = await command("done", incident, "rca")
    assert "root cause" in no_cause.stderr
    told = await command("done", incident[:8], "rca", "--note", "a typo", "--by", "ann")
    assert told.stdout == f"{incident}: rca done by ann\n"
    for duty in ("report", "improvement", "review"):
        assert (await command("done", incident, duty)).returncode == 0
    items = json.loads((await command("show", incident, "--json")).stdout)["items"]
    assert items
    for item in items:
        done = await command(
            "item", incident, "--item", str(item["id"]), "--owner", "bob", "--due", "2030-01-31"
        )
        assert done.returncode == 0, done.stderr
    shown = (await command("show", incident)).stdout
    assert "done by ann" in shown
    assert "(bob, due 2030-01-31 00:00:00)" in shown
    assert "closed by ada" in (await command("close", incident)).stdout
    async with asyncio.timeout(30):
        while incident in (await command("list")).stdout:
            pass
    assert "closed" in (await command("list", "--all")).stdout
    await _report_is_written(command, incident, home)


async def _report_is_written(command: Command, incident: str, home: Path) -> None:
    for form in ("md", "html"):
        written = await command("report", incident, "--format", form, "-o", f"report.{form}")
        assert written.returncode == 0, written.stderr
    text, page = (home / "report.md").read_text(), (home / "report.html").read_text()
    assert "![Stages, reports and changes on a time line](report.svg)" in text
    assert (home / "report.svg").read_text().lstrip().startswith("<?xml")
    assert "rca: done" in text
    assert "data:image/svg+xml;base64," in page
    assert "## Summary" in (await command("report", incident)).stdout


async def test_who_is_not_followed_up_is_told_so(engine: World, command: Command) -> None:
    told = await command("show", "nobody-1234")
    assert told.returncode == 1
    assert "no incident 'nobody-1234' is followed up" in told.stderr
    assert "suture postmortem list --all" in told.stderr
