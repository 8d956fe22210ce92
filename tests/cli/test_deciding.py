"""What people say through the command line reaches real incidents: votes, comments, edits, and many answers at once."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import Client

from lab.temporal import TemporalDevServer
from suture.domain.escalation import Ladder
from suture.domain.stages import Outcome
from tests.cli.conftest import Run
from tests.workflows.harness import world

pytestmark = pytest.mark.temporal
Say = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]


@pytest.fixture
def say(suture: Run, temporal_server: TemporalDevServer) -> Say:
    """Run a command beside the worker of this process."""

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(suture, *arguments, TEMPORAL_ADDRESS=temporal_server.address)

    return run


async def test_comment_delegate_and_approve_with_changes(temporal: Client, say: Say) -> None:
    async with world(temporal, autopilot=False) as w:
        target = w.cluster.deploy("web")
        w.cluster.replicas["web"] = 0
        handle = await w.report(target, summary="the shop is down")
        await w.until(handle, "waiting_for_approval")
        assert (await say("comment", handle.id, "two would do")).stdout.startswith("comment taken")
        assert (await say("delegate", handle.id, "--to", "bob")).stdout.startswith("delegate taken")
        wrong = await say("approve", handle.id, "--set", "actions.0.replicas=lots")
        assert wrong.returncode == 1
        assert "refused: actions.0.replicas" in wrong.stderr
        shown = (await say("show", handle.id)).stdout
        assert "comment ada" in shown and "two would do" in shown
        done = await say("approve", handle.id, "--set", "actions.0.replicas=2", "--reason", "as said")
        assert done.stdout.startswith("approve taken"), done.stderr
        assert (await handle.result()).outcome is Outcome.HEALED
    assert w.cluster.replicas["web"] == 2


async def test_all_that_wait_in_a_namespace_are_approved_at_once(temporal: Client, say: Say) -> None:
    async with world(temporal, autopilot=False) as w:
        here = [await w.report(w.cluster.deploy(f"web{n}", image="bad", namespace="mine")) for n in range(5)]
        other = await w.report(w.cluster.deploy("other", image="bad", namespace="theirs"))
        for handle in (*here, other):
            await w.until(handle, "waiting_for_approval")
        only = ("approve", "--all", "-n", "mine", "--failure-type", "image_pull")
        unsure = await say(*only)
        assert unsure.returncode == 2
        assert "5 plans would be approved" in unsure.stdout
        assert "add --yes" in unsure.stderr
        assert w.cluster.applied == []
        done = await say(*only, "--yes", "--reason", "a registry was down")
        assert "approved 5 of 5 by ada" in done.stdout, done.stderr
        assert {(await h.result()).outcome for h in here} == {Outcome.HEALED}
        assert (await w.until(other, "waiting_for_approval")).approval is not None
        await w.decide(other)
        await other.result()


async def test_acknowledged_given_back_and_shown(temporal: Client, say: Say) -> None:
    ladder = Ladder.model_validate({"levels": [{"name": "L1", "who": "on-call", "contacts": ["ann"]}]})
    async with world(temporal, ladder=ladder) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad", previous="worse"))
        await w.until(handle, "escalated")
        assert (await say("ack", handle.id)).stdout.startswith("acknowledge taken")
        shown = (await say("show", handle.id)).stdout
        assert "L1 (on-call): told ann" in shown
        assert "acknowledged by ada at" in shown
        listed = (await say("incidents", "-n", "shop")).stdout
        assert "escalated, ada is at work" in listed
        assert (await say("unack", handle.id)).stdout.startswith("unacknowledge taken")
        assert (await say("cancel", handle.id)).stdout.startswith("cancel taken")
        assert (await handle.result()).outcome is Outcome.ESCALATED
