"""The router's specification, restated as a table: its cases with their inputs and outputs."""

from __future__ import annotations

import pytest

from policies.routing import RoutingRules, choose_route, decide
from suture.domain.decision import Method, Route

RULES = RoutingRules.load()
STATUS = {  # the specification's words for what becomes of a decision, and whether something is executed
    Method.EXECUTE: ("executed", True),
    Method.EXECUTE_WITH_MONITORING: ("executing_monitored", True),
    Method.REQUIRE_APPROVAL: ("pending_approval", False),
}


@pytest.mark.parametrize(
    ("case", "route", "reason"),
    [
        (("high_cpu", 0.95, "critical"), "rule_based", "Known anomaly type with high severity"),
        (("unknown_anomaly", 0.85, "high"), "ai_driven", "High confidence AI decision (85.00%)"),
        (("pod_crash", 0.65, "high"), "rule_based", "Known anomaly type with high severity"),
    ],
)
def test_its_routing_cases(case: tuple[str, float, str], route: str, reason: str) -> None:
    assert choose_route(RULES, *case) == (Route(route), reason)


@pytest.mark.parametrize(
    ("rule_acts", "ai_confidence", "action", "score", "contributions", "status"),
    [
        (True, 0.88, "execute", 0.976, (0.8, 0.176), "executed"),  # its own example
        (True, 0.0, "execute", 0.8, (0.8, 0.0), "executed"),
        (True, None, "execute", 0.9, (0.8, 0.1), "executed"),  # a model that says nothing counts as 0.5
        (False, 1.0, "require_approval", 0.2, (0.0, 0.2), "pending_approval"),
        (False, None, "require_approval", 0.1, (0.0, 0.1), "pending_approval"),
    ],
)
def test_its_hybrid_decisions(
    rule_acts: bool,
    ai_confidence: float | None,
    action: str,
    score: float,
    contributions: tuple[float, float],
    status: str,
) -> None:
    made = decide(RULES, "metric", "medium", rule_acts, ai_confidence)
    assert made.method is Method(action)
    assert made.hybrid_score == pytest.approx(score)
    assert (made.rule_contribution, made.ai_contribution) == pytest.approx(contributions)
    word, executed = STATUS[made.method]
    assert (word, executed) == (status, made.method is not Method.REQUIRE_APPROVAL)


def test_its_fallback_chain_and_weights_are_the_shipped_numbers() -> None:
    chain = [(str(s.method), s.timeout_seconds) for s in RULES.fallback]
    assert chain == [("execute", 5), ("execute_with_monitoring", 10), ("require_approval", 30)]
    assert RULES.known_types == ["high_cpu", "high_memory", "pod_crash", "network_issue"]
    numbers = (RULES.rule_weight, RULES.ai_weight, RULES.ai_confidence_threshold)
    assert numbers == (0.8, 0.2, 0.75)
    assert (RULES.execute_at, RULES.execute_with_monitoring_at) == (0.75, 0.5)


def test_its_routing_error_is_rule_based() -> None:
    made = decide(RULES, "x", "low", True, "none")  # type: ignore[arg-type]
    assert (made.route, bool(made.error)) == (Route.RULE_BASED, True)
