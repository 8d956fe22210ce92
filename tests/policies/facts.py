"""Decisions to be made: plans over a Deployment `web` in `shop`, with what they reach."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.domain.action import Action, Scale
from suture.domain.decision import Method, Route, Routing
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.facts import Facts
from suture.domain.impact import ActionImpact, Impact
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def facts(
    *actions: Action, method: Method = Method.EXECUTE, origin: str = "detector:x", **more: Any
) -> Facts:
    """Facts about a plan (a scale to 3 replicas, unless said otherwise)."""
    plan = Plan(actions=list(actions) or [Scale(object=WEB, replicas=3)])
    hypothesis = Hypothesis(
        id="h",
        failure_type=FailureType.CRASH_LOOP,
        origin=origin,
        cause="c",
        confidence=0.9,
        plan=plan,
    )
    routing = Routing(route=Route.HYBRID, method=method, reason="", hybrid_score=0.9)
    target = Target(namespace="shop", kind="Deployment", name="web")
    values = {
        "target": target,
        "severity": Severity.HIGH,
        "hypothesis": hypothesis,
        "routing": routing,
        "at": NOON,
    }
    return Facts(**{**values, **more})


def reach(action: Action, **values: Any) -> Impact:
    """The reach of a plan with one action."""
    return Impact(actions=[ActionImpact(object=action.object, **{"owner": action.object, **values})])
