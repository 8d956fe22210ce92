"""Temporal's own command line starts, watches and decides incidents, as README says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from lab.temporal import TemporalDevServer
from lab.tools import tool
from tests.e2e.conversation import healed, id_of, phase, waiting
from tests.e2e.installation import Installation
from tests.e2e.shop import GOOD, Shop

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
Temporal = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def temporal_cli(server: TemporalDevServer, tmp_path_factory: pytest.TempPathFactory) -> Temporal:
    home = tmp_path_factory.mktemp("temporal-cli")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(tool("temporal")), *arguments, "--address", server.address]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env={"HOME": str(home)},
            cwd=home,
        )

    return run


@pytest.fixture(scope="module")
def broken(engine: Installation, asking: Shop) -> Shop:
    """Two deployments in trouble that only a person may mend."""
    asking.open(["by-signal", "by-update"])
    for name in ("by-signal", "by-update"):
        asking.roll_out(name)
    return asking


def started(temporal_cli: Temporal, tmp_path: Path, name: str, body: Any) -> subprocess.CompletedProcess[str]:
    (tmp_path / "incident.json").write_text(body if isinstance(body, str) else json.dumps(body))
    start = ["workflow", "start", "--type", "Incident", "--task-queue", "suture"]
    where = ["--workflow-id", name, "--input-file", str(tmp_path / "incident.json")]
    return temporal_cli(*start, *where)


async def test_started_asked_and_approved_by_signal(
    broken: Shop, client: Client, temporal_cli: Temporal, tmp_path: Path
) -> None:
    workflow = id_of(broken.namespace, "by-signal")
    target = {"cluster": "lab", "namespace": broken.namespace, "kind": "Deployment", "name": "by-signal"}
    done = started(temporal_cli, tmp_path, workflow, {"target": target, "summary": "it is slow"})
    # whoever is first starts it: the watch may have seen it already
    assert done.returncode == 0 or "already" in done.stderr.lower(), done.stderr
    await waiting(client, workflow)
    status = temporal_cli("workflow", "query", "--workflow-id", workflow, "--type", "status")
    assert '"waiting_for_approval"' in status.stdout
    timeline = temporal_cli("workflow", "query", "--workflow-id", workflow, "--type", "timeline")
    assert "asks a person" in timeline.stdout
    decision = json.dumps({"by": "ada", "reason": "looks right"})
    told = temporal_cli(
        "workflow", "signal", "--workflow-id", workflow, "--name", "approve", "--input", decision
    )
    assert told.returncode == 0, told.stderr
    record = await healed(client, workflow)
    assert broken.image("by-signal") == GOOD
    decided = record.attempts[-1].decision
    assert decided is not None
    assert (decided.by, decided.reason) == ("ada", "looks right")


async def test_approved_by_update_and_refused_at_once_when_it_makes_no_sense(
    broken: Shop, client: Client, temporal_cli: Temporal
) -> None:
    workflow = id_of(broken.namespace, "by-update")
    await waiting(client, workflow)

    def decide(**decision: str) -> subprocess.CompletedProcess[str]:
        execute = ["workflow", "update", "execute", "--workflow-id", workflow, "--name", "decide"]
        return temporal_cli(*execute, "--input", json.dumps(decision))

    for wrong in (
        {"choice": "approve"},
        {"choice": "perhaps", "by": "ada"},
        {"by": "ada", "plan_hash": "other"},
    ):
        refused = decide(**wrong)
        assert refused.returncode != 0
        assert "not a decision" in refused.stderr or "plan has changed" in refused.stderr, refused.stderr
    taken = decide(choice="approve", by="ada")
    assert taken.returncode == 0, taken.stderr
    assert "approve taken" in taken.stdout
    await healed(client, workflow)
    assert broken.image("by-update") == GOOD


@pytest.mark.parametrize("body", ["{not json", "[]", '"text"', '{"target": {"kind": "Deployment"}}', "{}"])
async def test_nonsense_ends_with_a_clear_error(
    engine: Installation, client: Client, temporal_cli: Temporal, tmp_path: Path, body: str
) -> None:
    done = started(temporal_cli, tmp_path, "nonsense", body)
    if done.returncode:
        assert "not valid JSON" in done.stderr or "input" in done.stderr, done.stderr
        return
    shown = temporal_cli("workflow", "result", "--workflow-id", "nonsense")
    assert shown.returncode != 0
    assert "not a valid incident" in shown.stdout + shown.stderr, shown.stdout + shown.stderr


async def test_started_by_hand_about_nothing(
    engine: Installation, client: Client, temporal_cli: Temporal, tmp_path: Path
) -> None:
    workflow = id_of("asks", "no-such")
    target = {"cluster": "lab", "namespace": "asks", "kind": "Deployment", "name": "no-such"}
    done = started(temporal_cli, tmp_path, workflow, {"target": target, "summary": "it is slow"})
    assert done.returncode == 0, done.stderr
    record = await phase(client, workflow, "escalated")
    assert "no-such" in record.summary
