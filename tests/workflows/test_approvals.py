"""Questions to several people on a real Temporal server: quorum, delegation, comments, edits, and that nothing else runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from policies.verdict import PolicyEngine
from suture.domain.decision import ApprovalNeeds, Decision, Vote
from suture.domain.stages import Outcome
from tests.workflows.harness import World, world

Needs = Callable[..., None]


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> Needs:
    """Let the policy engine demand something of approvals."""
    decide = PolicyEngine.decide

    def demand(**demanded: Any) -> None:
        def decided(self: PolicyEngine, *args: Any, **more: Any) -> Any:
            verdict = decide(self, *args, **more)
            return verdict.model_copy(update={"approval": ApprovalNeeds(**demanded)})

        monkeypatch.setattr(PolicyEngine, "decide", decided)

    return demand


async def say(handle: WorkflowHandle[Any, Any], by: str, choice: str = "approve", **more: Any) -> str:
    answer: str = await handle.execute_update("decide", {"choice": choice, "by": by, **more})
    return answer


async def refused(handle: WorkflowHandle[Any, Any], by: str, choice: str = "approve", **more: Any) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as error:
        await say(handle, by, choice, **more)
    return str(getattr(error.value.cause, "message", error.value.cause))


async def scaled_to_zero(w: World) -> WorkflowHandle[Any, Any]:
    """An incident that asks whether to scale from 0 to 1."""
    target = w.cluster.deploy("web")
    w.cluster.replicas["web"] = 0
    return await w.report(target, summary="the shop is down")


async def test_two_of_three_and_one_of_them_by_a_delegate(temporal: Client, needs: Needs) -> None:
    needs(quorum=2, roles=["approver"], eligible=["ann", "bob", "cy"], level="L2")
    async with world(temporal, "quorum", autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        assert "eve may not decide" in await refused(handle, "eve")
        assert await say(handle, "eve", "comment", reason="looks right, token=s3cr3tvalue") == "comment taken"
        assert await say(handle, "ann", "delegate", to="eve", reason="my train") == "delegate taken"
        assert await say(handle, "eve") == "approve taken: 1 of 2 approvals"
        assert "eve has approved already" in await refused(handle, "eve")
        assert "eve has approved in the place of ann" in await refused(handle, "ann")
        status = await w.until(handle, "waiting_for_approval")
        assert status.approval is not None
        assert status.approval.missing == 1
        await asyncio.sleep(0.3)
        assert w.cluster.applied == []
        await handle.signal("approve", {"by": "cy"})
        result = await handle.result()
    record = w.memory.records[result.incident_id]
    assert result.outcome is Outcome.HEALED
    assert record.approvers(record.attempts[0]) == ["eve", "cy"]
    assert [(v.choice, v.by, v.seat, v.to) for v in record.votes] == [
        ("comment", "eve", "", ""),
        ("delegate", "ann", "", "eve"),
        ("approve", "eve", "ann", ""),
        ("approve", "cy", "cy", ""),
    ]
    assert "s3cr3tvalue" not in record.model_dump_json()


async def test_one_no_of_somebody_who_may_decide_is_a_no(temporal: Client, needs: Needs) -> None:
    needs(quorum=2)
    async with world(temporal, autopilot=False) as w:
        handle = await w.report(w.cluster.deploy("web", image="bad"))
        await w.until(handle, "waiting_for_approval")
        await say(handle, "ann")
        await say(handle, "bob", "reject", reason="not now")
        while (status := await w.until_or_ended(handle)) is not None:
            await say(handle, "bob", "reject")
            assert status.approval is not None
        result = await handle.result()
    assert result.outcome is Outcome.ESCALATED
    assert w.cluster.applied == []


async def test_approved_with_changes_runs_what_was_changed(temporal: Client) -> None:
    async with world(temporal, "edited", autopilot=False) as w:
        handle = await scaled_to_zero(w)
        asked = (await w.until(handle, "waiting_for_approval")).approval
        assert asked is not None
        assert await say(handle, "ann", edits={"actions.0.replicas": 3}, asked=1) == "approve taken"
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.HEALED
    assert w.cluster.replicas["web"] == 3
    verdict = record.attempts[0].verdict
    assert verdict is not None and verdict.plan is not None
    assert verdict.plan.hash != asked.plan_hash
    [vote] = record.votes
    assert (vote.by, vote.asked, vote.plan_hash) == ("ann", 2, verdict.plan.hash)
    assert vote.edits == ["actions.0.replicas = 3"]


async def test_a_refused_edit_says_why_and_the_question_stays(temporal: Client) -> None:
    """The guardrails measure the edited plan's own reach."""
    async with world(temporal, "edit-refused", autopilot=False) as w:
        handle = await scaled_to_zero(w)
        before = (await w.until(handle, "waiting_for_approval")).approval
        assert "valid integer" in await refused(handle, "ann", edits={"actions.0.replicas": "many"})
        assert "the plan changes 90 replicas, more than 50" in await refused(
            handle, "ann", edits={"actions.0.replicas": 90}
        )
        await handle.signal("approve", {"by": "ann", "edits": {"actions.0.replicas": 90}})
        async with asyncio.timeout(10):  # nobody else decides while it is judged
            while len((await w.record(handle)).votes) < 2:
                await asyncio.sleep(0.05)
        after = (await w.until(handle, "waiting_for_approval")).approval
        assert before is not None and after is not None
        assert (before.plan_hash, before.asked) == (after.plan_hash, after.asked)
        assert await say(handle, "ann") == "approve taken"
        result = await handle.result()
        record = await w.record(handle)
    assert result.outcome is Outcome.HEALED
    assert w.cluster.replicas["web"] == 1
    assert [v.choice for v in record.votes] == ["comment", "comment", "approve"]
    assert sum("the plan changes 90 replicas, more than 50" in e.text for e in record.timeline) == 2


async def test_an_edit_is_a_new_question_to_everybody(temporal: Client, needs: Needs) -> None:
    """Votes for the old plan, and links to the old question, do not count for the new one."""
    needs(quorum=2)
    async with world(temporal, "edited-quorum", autopilot=False, max_reports_per_run=10) as w:
        handle = await scaled_to_zero(w)
        first = (await w.until(handle, "waiting_for_approval")).approval
        assert first is not None
        await say(handle, "ann")
        answer = await say(handle, "bob", edits={"actions.0.replicas": 2})
        assert answer == "approve taken: 1 of 2 approvals"
        assert "that question is over" in await refused(handle, "cy", asked=first.asked)
        for _ in range(12):  # the question stands with its vote when the history is cut
            await w.report(w.cluster_target("web"), summary="the shop is down")
        handle = temporal.get_workflow_handle(handle.id)
        async with asyncio.timeout(15):
            while (await handle.describe()).raw_description.workflow_execution_info.first_run_id == (
                await handle.describe()
            ).run_id:
                await asyncio.sleep(0.1)
        second = (await w.until(handle, "waiting_for_approval")).approval
        assert second is not None
        assert (second.asked, second.approvers, second.expires_at) == (2, ["bob"], first.expires_at)
        await say(handle, "ann", asked=second.asked, plan_hash=second.plan_hash)
        result = await w.finished(handle)
    record = w.memory.records[result.incident_id]
    assert result.outcome is Outcome.HEALED
    assert w.cluster.replicas["web"] == 2
    assert record.approvers(record.attempts[0]) == ["bob", "ann"]
    assert [v.asked for v in record.votes] == [1, 2, 2]


async def test_the_policy_says_how_long_a_question_stands(temporal: Client, needs: Needs) -> None:
    needs(expires_seconds=0.4)
    async with world(temporal, autopilot=False) as w:
        result = await (await w.report(w.cluster.deploy("web", image="bad"))).result()
    assert result.outcome is Outcome.ESCALATED
    assert "nobody answered" in result.summary


async def test_cancel_while_an_edit_is_judged_wins(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(temporal, autopilot=False) as w:
        handle = await scaled_to_zero(w)
        await w.until(handle, "waiting_for_approval")
        await asyncio.gather(
            say(handle, "ann", edits={"actions.0.replicas": 2}),
            handle.signal("cancel", {"by": "bob"}),
            return_exceptions=True,
        )
        result = await handle.result()
    if result.outcome is Outcome.ESCALATED:  # bob was first, or came while the edit was judged
        assert w.cluster.applied == []
        assert "cancel by bob" in result.summary
    else:
        assert w.cluster.replicas["web"] == 2


def test_words_of_older_versions_are_still_read() -> None:
    old = {"choice": "approve", "by": "ann", "reason": "", "plan_hash": "", "at": "2026-01-01T00:00:00Z"}
    assert Decision.model_validate(old).edits == {}
    assert Vote.model_validate({"number": 1, **old}).asked == 0
