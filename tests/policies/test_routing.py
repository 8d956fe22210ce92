"""The router: the cases of its specification, and its numbers at their edges."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.routing import RoutingRules, choose_method, choose_route, decide
from suture.domain.decision import Method, Route

RULES = RoutingRules.load()


@pytest.mark.parametrize(
    ("anomaly_type", "confidence", "severity", "route", "reason"),
    [
        ("high_cpu", 0.95, "critical", "rule_based", "Known anomaly type with high severity"),
        ("unknown_anomaly", 0.85, "high", "ai_driven", "High confidence AI decision (85.00%)"),
        ("pod_crash", 0.65, "high", "rule_based", "Known anomaly type with high severity"),
        ("unknown_anomaly", 0.95, "critical", "rule_based", "Critical severity - use deterministic rules"),
        ("unknown_anomaly", 0.5, "high", "hybrid", "Combine both approaches for optimal decision"),
        ("network_issue", 0.9, "medium", "ai_driven", "High confidence AI decision (90.00%)"),
        ("network_issue", 0.74, "low", "hybrid", "Combine both approaches for optimal decision"),
        ("anything", 0.75, "low", "ai_driven", "High confidence AI decision (75.00%)"),
        ("crash_loop", 0.1, "high", "rule_based", "Known anomaly type with high severity"),
    ],
)
def test_route(anomaly_type: str, confidence: float, severity: str, route: str, reason: str) -> None:
    assert choose_route(RULES, anomaly_type, confidence, severity) == (Route(route), reason)


@pytest.mark.parametrize(
    ("score", "method"),
    [
        (0.976, "execute"),
        (0.75, "execute"),
        (0.7499, "execute_with_monitoring"),
        (0.5, "execute_with_monitoring"),
        (0.49, "require_approval"),
    ],
)
def test_method(score: float, method: str) -> None:
    assert choose_method(RULES, score) is Method(method)


def test_hybrid_score_adds_weighted_parts() -> None:
    routing = decide(RULES, "x", "high", rule_acts=True, ai_confidence=0.88)
    assert routing.hybrid_score == pytest.approx(0.976)
    assert routing.rule_contribution == pytest.approx(0.8)
    assert routing.ai_contribution == pytest.approx(0.176)
    assert routing.method is Method.EXECUTE


def test_fallback_chain_begins_with_the_method() -> None:
    chain = decide(RULES, "x", "low", rule_acts=True, ai_confidence=0.5).fallback
    assert [(s.method, s.timeout_seconds) for s in chain] == [
        ("execute", 5),
        ("execute_with_monitoring", 10),
        ("require_approval", 30),
    ]
    assert [s.method for s in decide(RULES, "x", "low", rule_acts=False, ai_confidence=0.9).fallback] == [
        "require_approval"
    ]


def test_routing_error_falls_back_to_rules_and_a_person() -> None:
    routing = decide(RULES, "x", "low", rule_acts=True, ai_confidence="not a number")  # type: ignore[arg-type]
    assert routing.route is Route.RULE_BASED
    assert routing.method is Method.REQUIRE_APPROVAL
    assert routing.error


@given(
    st.text(max_size=20),
    st.floats(0, 1),
    st.sampled_from(["low", "medium", "high", "critical"]),
    st.booleans(),
)
def test_critical_is_never_left_to_a_model(kind: str, confidence: float, severity: str, acts: bool) -> None:
    routing = decide(RULES, kind, severity, acts, confidence)
    assert 0 <= routing.hybrid_score <= 1
    if severity == "critical":
        assert routing.route is Route.RULE_BASED
    if not acts:
        assert routing.method is Method.REQUIRE_APPROVAL


def test_inconsistent_numbers_are_refused(tmp_path: Path) -> None:
    wrong = RULES.model_dump(mode="json") | {"ai_weight": 0.5}
    with pytest.raises(ValidationError, match="add up to 1"):
        RoutingRules.model_validate(wrong)
