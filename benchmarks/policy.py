"""How long a decision takes: twenty rules over a plan of three actions, beside one bare evaluation of CEL."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.figures import Figure, percentile
from policies.context import context
from policies.expressions import Expression
from policies.guardrails import Guardrails
from policies.rules import Policy
from policies.verdict import PolicyEngine
from suture.domain.action import Scale
from suture.domain.decision import Method, Route, Routing
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.facts import Facts
from suture.domain.impact import ActionImpact, Impact
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

ROUNDS = 3000
CONDITION = "plan.actions.all(a, a.kind == 'scale' && a.replicas < 50) && time.hour < 24"


def measure() -> list[Figure]:
    """The p99 of a whole verdict, and of a bare evaluation of one condition with the same input, in milliseconds."""
    facts = _facts()
    rules = [{"name": f"r{i}", "when": CONDITION, "effect": "approve"} for i in range(20)]
    policy = Policy.model_validate({"version": 1, "name": "benchmark", "rules": rules})
    engine = PolicyEngine([policy], Guardrails(["kube-system"]))
    bare, made = Expression(CONDITION), context(facts)
    floor = _p99(lambda: bare.test(made))
    value = _p99(lambda: engine.decide(facts))
    return [
        Figure(
            "policy evaluation p99, 20 rules",
            value,
            "ms",
            floor,
            "one bare CEL evaluation",
            goal="under 1 ms",
        )
    ]


def _p99(work: Callable[[], object]) -> float:
    for _ in range(100):
        work()
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return percentile(taken, 0.99)


def _facts() -> Facts:
    refs = [ObjectRef(kind="Deployment", namespace="shop", name=name) for name in ("web", "api", "queue")]
    plan = Plan(actions=[Scale(object=ref, replicas=3) for ref in refs])
    return Facts(
        target=Target(namespace="shop", kind="Deployment", name="web"),
        severity=Severity.HIGH,
        hypothesis=Hypothesis(
            id="h",
            failure_type=FailureType.SCALED_TO_ZERO,
            origin="detector:benchmark",
            cause="c",
            confidence=0.9,
            plan=plan,
        ),
        routing=Routing(route=Route.HYBRID, method=Method.EXECUTE, reason="", hybrid_score=0.9),
        impact=Impact(actions=[ActionImpact(object=ref, owner=ref, replicas_wanted=3) for ref in refs]),
        at=datetime(2026, 1, 7, 15, tzinfo=UTC),
    )
