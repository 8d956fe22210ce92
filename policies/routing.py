"""The router: who decides (rules, models or both) and how a plan is carried out. Every number comes from routing.yaml."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from suture.domain.decision import FallbackStep, Method, Route, Routing

SHIPPED = Path(__file__).with_name("routing.yaml")


class RoutingRules(BaseModel):
    """The content of routing.yaml; confidences, weights and thresholds are between 0 and 1, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = 1
    known_types: list[str]
    severe: list[str]
    ai_confidence_threshold: float = Field(ge=0, le=1)
    aliases: dict[str, str] = Field(default_factory=dict)
    rule_weight: float = Field(ge=0, le=1)
    ai_weight: float = Field(ge=0, le=1)
    default_ai_confidence: float = Field(ge=0, le=1)
    rule_minimum_confidence: float = Field(ge=0, le=1)
    execute_at: float = Field(ge=0, le=1)
    execute_with_monitoring_at: float = Field(ge=0, le=1)
    fallback: list[FallbackStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> RoutingRules:
        if abs(self.rule_weight + self.ai_weight - 1) > 1e-9:
            raise ValueError("rule_weight and ai_weight must add up to 1")
        if self.execute_with_monitoring_at > self.execute_at:
            raise ValueError("execute_with_monitoring_at must not be above execute_at")
        return self

    @classmethod
    def load(cls, path: Path = SHIPPED) -> RoutingRules:
        """Read a routing file; raises OSError, yaml.YAMLError or pydantic.ValidationError."""
        return cls.model_validate(yaml.safe_load(path.read_text()))


def choose_route(
    rules: RoutingRules, anomaly_type: str, confidence: float, severity: str
) -> tuple[Route, str]:
    """Route one decision. `confidence` is the model's, between 0 and 1."""
    name = rules.aliases.get(anomaly_type, anomaly_type)
    if name in rules.known_types and severity in rules.severe:
        return Route.RULE_BASED, "Known anomaly type with high severity"
    if confidence >= rules.ai_confidence_threshold and severity != "critical":
        return Route.AI_DRIVEN, f"High confidence AI decision ({confidence:.2%})"
    if severity == "critical":
        return Route.RULE_BASED, "Critical severity - use deterministic rules"
    return Route.HYBRID, "Combine both approaches for optimal decision"


def choose_method(rules: RoutingRules, score: float) -> Method:
    """The method for a hybrid score."""
    if score >= rules.execute_at:
        return Method.EXECUTE
    if score >= rules.execute_with_monitoring_at:
        return Method.EXECUTE_WITH_MONITORING
    return Method.REQUIRE_APPROVAL


def decide(
    rules: RoutingRules, anomaly_type: str, severity: str, rule_acts: bool, ai_confidence: float | None
) -> Routing:
    """Route and weigh one plan. An error while routing falls back to the rules, with a person asked."""
    try:
        confidence = rules.default_ai_confidence if ai_confidence is None else ai_confidence
        route, reason = choose_route(rules, anomaly_type, confidence, severity)
        rule_part, ai_part = rules.rule_weight * rule_acts, rules.ai_weight * confidence
        method = choose_method(rules, rule_part + ai_part)
    except Exception as e:  # whatever fails here must not stop the incident
        return Routing(
            route=Route.RULE_BASED,
            method=Method.REQUIRE_APPROVAL,
            reason="routing error",
            hybrid_score=0.0,
            error=str(e),
        )
    return Routing(
        route=route,
        method=method,
        reason=reason,
        hybrid_score=rule_part + ai_part,
        rule_contribution=rule_part,
        ai_contribution=ai_part,
        fallback=_chain_from(rules, method),
    )


def _chain_from(rules: RoutingRules, method: Method) -> list[FallbackStep]:
    """The fallback chain from the chosen method on."""
    methods = [s.method for s in rules.fallback]
    return rules.fallback[methods.index(method) :] if method in methods else list(rules.fallback[-1:])
