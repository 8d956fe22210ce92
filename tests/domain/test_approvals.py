"""Whose word counts, how many are missing, and what may be edited of a plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.domain import quorum
from suture.domain.action import AdjustResources, Patch, Scale
from suture.domain.decision import ApprovalNeeds, ApprovalRequest, Decision, Vote
from suture.domain.edits import edited
from suture.domain.plan import FieldEquals, Plan
from suture.domain.target import ObjectRef

AT = datetime(2026, 3, 1, tzinfo=UTC)
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")
PLAN = Plan(
    actions=[
        Scale(object=WEB, replicas=3),
        AdjustResources(object=WEB, container="web", limits={"memory": "64Mi"}),
    ],
    checks=[
        FieldEquals(object=WEB, path="spec.replicas", value=3),
        FieldEquals(object=WEB, path="spec.containers.web.resources.limits.memory", value="64Mi"),
    ],
)


def question(**needs: Any) -> ApprovalRequest:
    return ApprovalRequest(
        plan_hash=PLAN.hash,
        plan=PLAN,
        cause="c",
        reasons=[],
        since=AT,
        asked=2,
        needs=ApprovalNeeds(**needs),
    )


def say(request: ApprovalRequest, by: str, choice: Any = "approve", **more: Any) -> str | None:
    """As the workflow does it: refused with a reason, or taken."""
    decision = Decision(by=by, choice=choice, **more)
    refused = quorum.objection(request, decision)
    if refused is None:
        place = quorum.seat(request, by) if choice == "approve" else ""
        vote = Vote(
            number=1,
            choice=choice,
            by=by,
            at=AT,
            plan_hash=request.plan_hash,
            seat=place or "",
            to=decision.to,
        )
        quorum.take(request, vote)
    return refused


def test_one_person_is_one_approval_however_the_name_is_written() -> None:
    request = question(quorum=2)
    assert say(request, "Ann Lee") is None
    assert say(request, " ann  lee") == " ann  lee has approved already: 1 of 2 approvals"
    assert request.missing == 1
    assert say(request, "bob") is None
    assert request.missing == 0


def test_only_those_who_may_decide_count_for_yes_and_for_no() -> None:
    request = question(roles=["approver"], eligible=["ann"])
    for choice in ("approve", "reject"):
        assert say(request, "eve", choice) == "eve may not decide this: it needs approver and ann"
    assert say(request, "eve", "comment", reason="I would not") is None
    assert say(request, "eve", "comment") == "a comment needs a text (reason)"
    assert say(request, "ANN") is None


def test_a_delegate_votes_in_one_place_only() -> None:
    request = question(quorum=2, eligible=["ann", "cy"])
    assert say(request, "bob") is not None
    assert "cannot name another" in (say(request, "bob", "delegate", to="eve") or "")
    assert say(request, "ann", "delegate", to="ann") == "nobody can name themselves"
    assert say(request, "ann", "delegate", to="cy") == "cy may decide this anyway"
    assert say(request, "ann", "delegate", to="bob") is None
    assert "cannot name another" in (say(request, "bob", "delegate", to="eve") or "")
    assert say(request, "bob") is None
    assert say(request, "ann") == "bob has approved in the place of ann: 1 of 2 approvals"
    assert say(request, "cy") is None
    assert request.missing == 0


@given(
    st.lists(st.sampled_from(["ann", "bob", "cy", "eve", "mal"]), min_size=1, max_size=5, unique=True),
    st.integers(1, 4),
    st.lists(
        st.tuples(
            st.sampled_from(["approve", "delegate"]),
            st.sampled_from(["ann", "Bob", "cy", "eve", "mal", "zoe"]),
            st.sampled_from(["ann", "bob", "eve", "zoe", "yan"]),
        ),
        max_size=12,
    ),
)
def test_a_quorum_is_never_reached_by_fewer_people_or_seats(
    eligible: list[str], needed: int, said: list[tuple[str, str, str]]
) -> None:
    request = question(quorum=needed, eligible=eligible)
    for choice, by, to in said:
        say(request, by, choice, to=to if choice == "delegate" else "")
    approved = [v for v in request.votes if v.choice == "approve"]
    assert len({v.by.casefold() for v in approved}) == len(approved) == len({v.seat for v in approved})
    assert {v.seat for v in approved} <= set(eligible)
    if request.missing == 0:
        assert min(len(approved), len(eligible)) >= needed


def test_an_answer_counts_for_one_question_and_one_plan_only() -> None:
    request = question()
    assert "that question is over" in (say(request, "ann", asked=1) or "")
    assert "the plan has changed" in (say(request, "ann", plan_hash="other") or "")
    assert say(request, "ann", asked=2, plan_hash=PLAN.hash) is None


def test_an_edited_plan_is_another_plan_whose_checks_follow() -> None:
    made = edited(PLAN, {"actions.0.replicas": 4, "actions.1.limits.memory": "256Mi"})
    assert made.hash != PLAN.hash
    assert made.describe().startswith("scale Deployment/shop/web to 4; then set limit memory=256Mi")
    assert [c.value for c in made.checks if isinstance(c, FieldEquals)] == [4, "256Mi"]
    assert PLAN.actions[0].describe() == "scale Deployment/shop/web to 3"


def test_a_list_item_is_named_by_its_name() -> None:
    body = {"spec": {"containers": [{"name": "web", "image": "shop/web:1"}]}}
    plan = Plan(
        actions=[Patch(object=WEB, body=body)],
        checks=[FieldEquals(object=WEB, path="spec.containers.web.image", value="shop/web:1")],
    )
    made = edited(plan, {"actions.0.body.spec.containers.web.image": "shop/web:2"})
    assert made.checks[0].value == "shop/web:2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ({"actions.0.replicas": "many"}, "actions.0.replicas: Input should be a valid integer"),
        ({"actions.0.replicas": -1}, "actions.0.replicas: Input should be greater than or equal to 0"),
        ({"actions.0.replicas": 3}, "the edits change nothing"),
        ({"actions.0.speed": 3}, "actions.0.speed: Extra inputs are not permitted"),
        ({"actions.7.replicas": 3}, "the plan has 2 actions"),
        ({"actions.0.object.name": "db"}, "what an action is about cannot be edited"),
        ({"actions.0.expect": {}}, "what an action is about cannot be edited"),
        ({"actions.0.kind": "cordon"}, "what an action is about cannot be edited"),
        ({"checks.0.value": 1}, "names no parameter"),
        ({"replicas": 1}, "names no parameter"),
        ({"actions.1.limits.memory.x": 1}, "actions.1.limits.memory.x: there is no 'x'"),
    ],
)
def test_an_edit_that_does_not_fit_is_explained(edits: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        edited(PLAN, edits)
    assert "edits only go with an approval" in (say(question(), "ann", "reject", edits=edits) or "")
