"""route: rules, models or both, and the method. Pure computation over the routing file, so a local activity."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity

from policies.routing import RoutingRules, decide
from suture.domain.decision import Routing
from suture.domain.diagnosis import Hypothesis
from suture.domain.stages import Severity


class RouteRequest(BaseModel):
    """The hypothesis to route; `ai_confidence` is the learned models' (None: there is none)."""

    hypothesis: Hypothesis
    severity: Severity
    ai_confidence: float | None = None


class Route:
    """Applies the routing rules."""

    def __init__(self, rules: RoutingRules) -> None:
        self._rules = rules

    @activity.defn(name="route")
    async def route(self, request: RouteRequest) -> Routing:
        """Never raises: an error routes to the rules with a person asked."""
        h = request.hypothesis
        rule_acts = h.confidence >= self._rules.rule_minimum_confidence
        return decide(
            self._rules, str(h.failure_type), str(request.severity), rule_acts, request.ai_confidence
        )
