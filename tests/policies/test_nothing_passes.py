"""No sequence of reports, model outputs, policies, edits and answers leads to a forbidden action: the real engine and the real
`execute` over a cluster in memory, judged by an oracle of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from activities.execute import Execute, ExecuteRequest
from policies.guardrails import Guardrails
from policies.rules import AUTOPILOT, Policy, load_policy
from policies.verdict import PolicyEngine
from suture.diagnosis.impact import impact
from suture.domain.action import ACTIONS, HARMLESS, KINDS, Action
from suture.domain.decision import Method, Mode, Verdict, VerdictKind
from suture.domain.errors import Forbidden, TargetNotFound
from suture.domain.governor import Standing, Turn
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target
from tests.fakes import FakeCounters, FakeGovernor, FakeIncidents, FakeMemory
from tests.policies.facts import facts
from tests.policies.little_cluster import NAMESPACES, NODES, SIZES, LittleCluster, emptied

RAILS = Guardrails(["kube-system"])
PILOT = load_policy(AUTOPILOT)
BRIEF: dict[str, Any] = {  # a failing sequence is told as it was found: to shrink it takes minutes
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.reuse, Phase.generate),
}
REPLICAS = st.one_of(st.integers(0, 6), st.sampled_from([30, 55, 60, 5000]))


def refs(kind: str) -> st.SearchStrategy[ObjectRef]:
    names = st.sampled_from([*SIZES, "gone"])
    return st.builds(ObjectRef, kind=st.just(kind), namespace=st.sampled_from(NAMESPACES), name=names)


PODS = st.builds("{}-{}".format, st.sampled_from(list(SIZES)), st.integers(0, 3)).flatmap(
    lambda n: st.builds(
        ObjectRef, kind=st.just("Pod"), namespace=st.sampled_from(NAMESPACES), name=st.just(n)
    )
)
NODE = st.builds(ObjectRef, kind=st.just("Node"), name=st.sampled_from(NODES))
BODIES = st.one_of(
    st.builds(lambda n: {"spec": {"replicas": n}}, REPLICAS),
    st.builds(lambda v: {"spec": {"unschedulable": v}}, st.booleans()),
    st.just({"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}),
    st.just({"metadata": {"annotations": {"suture.dev/protected": None}}}),
)
OPS = st.one_of(
    st.builds(lambda n: [{"op": "replace", "path": "/spec/replicas", "value": n}], REPLICAS),
    st.just([{"op": "add", "path": "/spec/unschedulable", "value": True}]),
)
ANY_REF = st.one_of(refs("Deployment"), NODE, PODS, refs("ConfigMap"))


def action_of(kind: str) -> st.SearchStrategy[Action]:
    parameters: dict[str, dict[str, Any]] = {
        "scale": {"replicas": REPLICAS},
        "patch": {},
        "recreate_object": {"revision": st.just("r1")},
        "remove_created": {"revision": st.just("r1")},
        "adjust_resources": {"container": st.just("web"), "limits": st.just({"memory": "1Gi"})},
    }
    extra = parameters.get(kind, {})
    where: Any = {"delete_pod": PODS, "cordon": NODE, "uncordon": NODE, "scale": refs("Deployment")}.get(
        kind, ANY_REF
    )
    if kind == "remove_created":
        where = st.sampled_from(sorted(HARMLESS)).flatmap(refs)
    expect = st.sampled_from([{}, {"uid": "u"}])
    made = {"kind": st.just(kind), "object": where, "expect": expect, **extra}
    if kind == "patch":
        bodies = st.one_of(
            st.tuples(st.just("merge"), BODIES),
            st.tuples(st.just("strategic"), BODIES),
            st.tuples(st.just("json"), OPS),
        )
        return st.fixed_dictionaries(made | {"b": bodies}).map(
            lambda d: ACTIONS.validate_python(
                {k: v for k, v in d.items() if k != "b"} | {"patch_type": d["b"][0], "body": d["b"][1]}
            )
        )
    return st.fixed_dictionaries(made).map(ACTIONS.validate_python)


ANY_ACTION = st.sampled_from(KINDS).flatmap(action_of)
CONDITIONS = st.sampled_from(
    ["true", "plan.reversible", "plan.risk == 'low'", "plan.size > 1", "plan.actions.exists(a, a.kind == 'scale')",
     "plan.actions[0].replicas > 2", "actor != ''", "hypothesis.origin.startsWith('model')"]
)  # fmt: skip
EFFECTS = st.sampled_from(
    [
        {"effect": "approve", "without_person": True},
        {"effect": "approve"},
        {"effect": "require_approval", "approvers": {"quorum": 2}},
        {"effect": "deny"},
        {"effect": "modify", "change": {"at_most": {"replicas": 3}}},
        {"effect": "modify", "change": {"at_most": {"replicas": 0}}},
        {"effect": "modify", "change": {"at_most": {"replicas": -1}}},
        {"effect": "modify", "change": {"mode": "dry_run"}},
        {"effect": "modify", "change": {"method": "execute_with_monitoring"}},
    ]
)
RULES = st.lists(st.builds(lambda when, effect: {"when": when, **effect}, CONDITIONS, EFFECTS), max_size=4)


def policy(rules: list[dict[str, Any]]) -> Policy:
    named = [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]
    return Policy.model_validate({"version": 1, "name": "random", "rules": named})


@dataclass(frozen=True)
class Step:
    """One hypothesis of whoever, the rules of the moment, what a person says, and what they change first."""

    actions: list[Action]
    origin: str
    rules: list[dict[str, Any]]
    autopilot: bool
    says_yes: bool
    edit: int | None
    stale: bool
    forged: Action | None
    standing: Standing = field(default=Standing())


STEPS = st.builds(
    Step,
    actions=st.lists(ANY_ACTION, min_size=1, max_size=4),
    origin=st.sampled_from(
        ["detector:x", "ledger", "model", "model:ranker", "playbook:mined", "stranger", "model, ledger"]
    ),
    rules=RULES,
    autopilot=st.booleans(),
    says_yes=st.booleans(),
    edit=st.one_of(st.none(), REPLICAS),
    stale=st.booleans(),
    forged=st.one_of(st.none(), ANY_ACTION),
    standing=st.sampled_from([Standing(), Standing(frozen="a freeze"), Standing(storm="a storm")]),
)


def edited(plan: Plan, replicas: int | None) -> Plan:
    if replicas is None:
        return plan
    return Plan(actions=[
        a.model_copy(update={"replicas": replicas}) if a.kind == "scale" else a for a in plan.actions
    ])  # fmt: skip


def executing(world: LittleCluster) -> Execute:
    """The real activity, with a governor that grants every turn: what holds is the guardrails alone."""
    return Execute(world, FakeMemory(), RAILS, FakeCounters(), FakeGovernor(), FakeIncidents())


def turn(action: Action) -> Turn:
    target = Target(namespace="shop", kind="Deployment", name="web")
    return Turn(holder="h", incident_id="i", target=target, severity=Severity.HIGH, kinds=[action.kind])


async def run(world: LittleCluster, execute: Execute, step: Step, number: int) -> None:
    """What the workflow does between classify and verify, with a person who may say anything."""
    before = await world.snapshot("")
    plan = Plan(actions=step.actions)
    reached = None if step.stale and step.edit is None else impact(before, plan)
    engine = PolicyEngine([policy(step.rules), *([PILOT] if step.autopilot else [])], RAILS)
    made = facts(*step.actions, origin=step.origin, impact=reached, standing=step.standing)
    verdict = engine.decide(made)
    if verdict.needs_person and verdict.plan is not None:
        if not step.says_yes:
            return
        wish = edited(verdict.plan, step.edit)
        if wish != verdict.plan:
            changed = made.hypothesis.model_copy(update={"plan": wish})
            verdict = engine.decide(made.model_copy(update={"hypothesis": changed, "actor": "ann"}))
    serving = world.serving()
    await carry_out(execute, step, verdict, number)
    if (
        reached is not None
        and not step.forged
        and not any(a.kind in ("scale", "patch") for a in step.actions)
    ):
        world.forbidden += emptied(world, serving, step.actions)


async def carry_out(execute: Execute, step: Step, verdict: Verdict, number: int) -> None:
    wanted = list(verdict.plan.actions) if verdict.plan else list(step.actions)
    for i, action in enumerate([*wanted, *([step.forged] if step.forged else [])]):
        request = ExecuteRequest(
            incident_id="i", key=f"{number}/{i}", action=action, verdict=verdict, turn=turn(action)
        )
        try:
            await execute.execute(request)
        except (Forbidden, TargetNotFound):
            continue


@given(st.lists(STEPS, min_size=1, max_size=5))
@settings(max_examples=250, **BRIEF)
async def test_nothing_forbidden_reaches_the_cluster(steps: list[Step]) -> None:
    world = LittleCluster()
    execute = executing(world)
    for number, step in enumerate(steps):
        await run(world, execute, step, number)
    assert world.forbidden == [], steps


@given(STEPS)
@settings(max_examples=150, **BRIEF)
async def test_what_is_denied_proposed_or_unasked_changes_nothing(step: Step) -> None:
    world = LittleCluster()
    execute = executing(world)
    made = facts(
        *step.actions, origin=step.origin, impact=impact(await world.snapshot(""), Plan(actions=step.actions))
    )
    verdict = PolicyEngine([policy(step.rules)], RAILS).decide(made)
    await carry_out(execute, step, verdict, 0)
    if verdict.kind is VerdictKind.DENIED or verdict.mode is not Mode.ACT:
        assert world.applied == []
    outside = [a.kind for a in step.actions if a.kind in ("remove_created", "cordon", "delete_object")]
    if outside and step.origin in ("model", "model:ranker", "stranger"):
        assert verdict.kind is VerdictKind.DENIED
    if verdict.kind is not VerdictKind.DENIED and not any(r["effect"] == "approve" for r in step.rules):
        assert verdict.needs_person or verdict.mode is not Mode.ACT


@pytest.mark.parametrize("method", list(Method))
async def test_approve_all_still_does_harmless_work(method: Method) -> None:
    """The guardrails leave something to do: a plan within all limits runs by itself."""
    world = LittleCluster()
    web = ObjectRef(kind="Deployment", namespace="shop", name="web")
    plan = Plan.model_validate({"actions": [{"kind": "scale", "object": web, "replicas": 6}]})
    made = facts(*plan.actions, method=method, impact=impact(await world.snapshot(""), plan))
    verdict = PolicyEngine(
        [policy([{"when": "true", "effect": "approve", "without_person": True}])], RAILS
    ).decide(made)
    assert not verdict.needs_person
    execute = executing(world)
    await execute.execute(
        ExecuteRequest(
            incident_id="i", key="k", action=plan.actions[0], verdict=verdict, turn=turn(plan.actions[0])
        )
    )
    assert world.find("Deployment", "shop", "web")["spec"]["replicas"] == 6
