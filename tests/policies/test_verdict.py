"""The policy engine: strictest effect wins, errors deny, guardrails cannot be opened by any policy."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.guardrails import Guardrails
from policies.rules import ASK, AUTOPILOT, Policy, load_policy
from policies.verdict import PolicyEngine
from suture.domain.action import Action, DeleteObject, DeletePod, Expect, Scale, UndoRollout
from suture.domain.decision import Method, Route, Routing, Verdict, VerdictKind
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.errors import Forbidden, Invalid
from suture.domain.facts import Facts
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

GUARDRAILS = Guardrails(["kube-system"])
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def decide(
    policies: list[Policy], *actions: Action, method: Method = Method.EXECUTE, error: str | None = None
) -> Verdict:
    hypothesis = Hypothesis(
        id="h",
        failure_type=FailureType.CRASH_LOOP,
        origin="test",
        cause="c",
        confidence=0.9,
        plan=Plan(actions=list(actions)),
    )
    routing = Routing(route=Route.HYBRID, method=method, reason="", hybrid_score=0.9, error=error)
    target = Target(namespace=actions[0].object.namespace, kind="Deployment", name="web")
    facts = Facts(target=target, severity=Severity.HIGH, hypothesis=hypothesis, routing=routing, at=NOON)
    return PolicyEngine(policies, GUARDRAILS).decide(facts)


def deployment(namespace: str = "shop") -> ObjectRef:
    return ObjectRef(kind="Deployment", namespace=namespace, name="web")


def rule(effect: str, when: str = "true", **more: object) -> Policy:
    return Policy.model_validate(
        {"version": 1, "name": "t", "rules": [{"name": effect, "when": when, "effect": effect, **more}]}
    )


def test_without_policies_a_person_is_asked() -> None:
    verdict = decide([], Scale(object=deployment(), replicas=1))
    assert verdict.kind is VerdictKind.APPROVED
    assert verdict.needs_person


def test_shipped_policies() -> None:
    plan = UndoRollout(object=deployment())
    assert decide([load_policy(ASK)], plan).needs_person
    assert not decide([load_policy(AUTOPILOT)], plan).needs_person
    assert not decide([load_policy(AUTOPILOT)], plan, method=Method.REQUIRE_APPROVAL).needs_person


def test_strictest_effect_wins() -> None:
    action = Scale(object=deployment(), replicas=1)
    assert decide([rule("approve"), rule("require_approval")], action).needs_person
    assert decide([rule("approve"), rule("deny")], action).kind is VerdictKind.DENIED


def test_method_asks_unless_the_rule_covers_it() -> None:
    action = Scale(object=deployment(), replicas=1)
    assert decide([rule("approve")], action, method=Method.REQUIRE_APPROVAL).needs_person
    assert not decide(
        [rule("approve", without_person=True)], action, method=Method.REQUIRE_APPROVAL
    ).needs_person


def test_a_router_that_failed_asks_whatever_the_policy_says() -> None:
    plan = UndoRollout(object=deployment())
    assert decide([load_policy(AUTOPILOT)], plan, method=Method.REQUIRE_APPROVAL, error="broken").needs_person


def test_conditions_see_the_plan() -> None:
    few = rule("approve", "plan.actions.all(a, a.kind == 'scale' && a.replicas < 5)")
    assert not decide([few], Scale(object=deployment(), replicas=4)).needs_person
    assert decide([few], Scale(object=deployment(), replicas=5)).needs_person


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("incident.no_such_field == 1", "incident has no no_such_field"),
        ("plan.reversable", "plan has no reversable (did you mean reversible?)"),
        ("plan.actions.exists(a, a.knd == 'scale')", "a has no knd"),
        ("false && governor.stoped != ''", "governor has no stoped"),
        ("nobody.home", "there is nothing called nobody"),
        ("1", "a condition is true or false, and this is an int"),
        ("plan.risk > 3", "cannot be compared"),
        ("plan.reversible || plan.risk > 3", "cannot be compared"),
        ("incident.severity == 'hgih'", "did you mean high"),
    ],
)
def test_what_can_never_be_answered_is_refused_at_load(when: str, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        rule("approve", when)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "when",
    [
        "plan.actions.exists(a, a.kind == 'scale' && a.object.name.startsWith('web'))",
        "['a', 'b'].exists(x, x == target.namespace)",
        "plan.actions.all(a, a.reach.replicas_changed < 3) && plan.actions[0].object.kind == 'Deployment'",
        "time.weekend || time.hour < 8 || 'plan.foo' == target.name",
        "plan.actions.exists(a, a.kind == 'adjust_resources' && a.limits.memory == '1Gi')",
    ],
)
def test_what_makes_sense_is_taken(when: str) -> None:
    assert rule("approve", when).rules[0].when == when


def test_a_condition_that_cannot_be_answered_denies() -> None:
    """It fits an example, but not this plan: no revision is named."""
    later = rule("approve", "plan.actions[0].kind == 'undo_rollout' && plan.actions[0].to_revision > 1")
    verdict = decide([rule("approve"), later], UndoRollout(object=deployment()))
    assert verdict.kind is VerdictKind.DENIED
    assert verdict.plan is None


@given(st.sampled_from(["approve", "require_approval", "deny"]), st.booleans(), st.sampled_from(list(Method)))
def test_no_policy_opens_a_protected_namespace(effect: str, without_person: bool, method: Method) -> None:
    policy = rule(effect, without_person=without_person and effect == "approve")
    assert (
        decide([policy], Scale(object=deployment("kube-system"), replicas=0), method=method).kind
        is VerdictKind.DENIED
    )
    delete = DeleteObject(object=deployment())
    assert decide([policy], delete, method=method).kind is VerdictKind.DENIED


def test_guardrails_are_checked_again_at_the_change() -> None:
    with pytest.raises(Forbidden, match="protected namespace"):
        GUARDRAILS.check(DeletePod(object=ObjectRef(kind="Pod", namespace="kube-system", name="dns")))
    made = DeleteObject(object=deployment(), expect=Expect(uid="u"))
    GUARDRAILS.check(made, undo=True)
    with pytest.raises(Forbidden):
        GUARDRAILS.check(made)


def test_bad_files_name_line_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("version: 1\nname: x\nrules:\n  - name: a\n    when: 'true'\n    effect: alow\n")
    with pytest.raises(Invalid, match=r"line 6: rules.0.effect"):
        load_policy(file)
    file.write_text("version: 1\nname: x\nrules:\n  - name: a\n    when: 'a &&'\n    effect: deny\n")
    with pytest.raises(Invalid, match=r"line 5.*not a CEL expression"):
        load_policy(file)
    file.write_text("a: [")
    with pytest.raises(Invalid, match="not YAML"):
        load_policy(file)
    with pytest.raises(Invalid, match="cannot read"):
        load_policy(tmp_path / "missing.yaml")
