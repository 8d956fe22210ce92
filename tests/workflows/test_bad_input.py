"""Whatever is put into a workflow by hand: a clear error, never a stuck workflow."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError

from suture.domain.stages import Outcome
from tests.workflows.harness import world

GOOD = {"target": {"namespace": "shop", "kind": "Deployment", "name": "web"}}


@pytest.mark.parametrize(
    "start",
    [
        None,
        [],
        "text",
        7,
        {},
        {"target": "Deployment/web"},
        {"target": {"kind": "", "name": "x"}},
        {"target": {"kind": "Deployment", "name": "a/b"}},
        {**GOOD, "severity": "loud"},
        {**GOOD, "unknown": 1},
        {**GOOD, "options": {"cooldown": -1}},
        {**GOOD, "summary": "x" * 100_000},
    ],
)
async def test_a_start_that_makes_no_sense_fails_with_a_reason(temporal: Client, start: Any) -> None:
    async with world(temporal) as w:
        handle = await temporal.start_workflow("Incident", start, id=f"bad-{w.queue}", task_queue=w.queue)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert "not a valid incident" in str(failed.value.cause)


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"by": ""}, {"by": 5}, [1], {"by": "x", "choice": "explode"}, {"by": "x", "more": 1}],
)
async def test_signals_and_updates_that_make_no_sense_change_nothing(temporal: Client, payload: Any) -> None:
    async with world(temporal, autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        await handle.signal("approve", payload)
        await handle.signal("report", payload)
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("decide", payload)
        status = await w.until(handle, "waiting_for_approval")
        assert status.report_count == 1
        assert w.cluster.applied == []
        await w.decide(handle)
        result = await handle.result()
    assert result.outcome is Outcome.HEALED


async def test_an_unknown_target_ends_with_a_reason(temporal: Client) -> None:
    async with world(temporal) as w:
        result = await (await w.report(w.cluster_target("nobody"))).result()
    assert result.outcome in (Outcome.SELF_RESOLVED, Outcome.ESCALATED)
    assert "nobody" in result.summary
    assert w.cluster.applied == []
