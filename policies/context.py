"""What a rule's `when` can speak of: built for each decision, and described once so that misspelt names are found at load.

`incident`, `target`, `hypothesis`, `plan` (with each action's parameters and reach), `route`, `governor`, `time` (UTC, or the
time zone of the settings) and `actor` (who changed the plan; empty for the engine's own).
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import cache
from typing import Any, Final

from policies.checking import ANY, BOOL, DOUBLE, INT, STRING, ListOf, MapOf, Shape, Type, Words
from suture.domain.action import KINDS, Action, Reversibility, Risk, Scale
from suture.domain.decision import Method, Route, Routing
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.facts import Facts
from suture.domain.impact import ActionImpact
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target


def _words(names: type[StrEnum]) -> Words:
    return Words(tuple(str(name) for name in names))


DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
REACH: Final = (
    "replicas_wanted", "replicas_changed", "healthy_pods_disrupted", "unhealthy_share_after", "nodes_unavailable_share",
    "managed_by", "protected",
)  # fmt: skip


def context(facts: Facts, time_zone: tzinfo = UTC) -> dict[str, Any]:
    """The variables of the expressions."""
    h, plan, routing = facts.hypothesis, facts.plan, facts.routing
    target = facts.target.model_dump()
    reaches: list[ActionImpact | None] = [*facts.impact.actions] if facts.impact else []
    reaches += [None] * (len(plan.actions) - len(reaches))
    return {
        "incident": {
            "severity": str(facts.severity),
            "failure_type": str(h.failure_type),
            "target": target,
        },
        "target": target,
        "hypothesis": {"origin": h.origin, "confidence": h.confidence, "cause": h.cause},
        "plan": {
            "risk": str(plan.risk),
            "reversible": plan.reversible,
            "size": len(plan.actions),
            "actions": [_action(a, reach) for a, reach in zip(plan.actions, reaches, strict=True)],
        },
        "route": {"name": str(routing.route), "method": str(routing.method), "score": routing.hybrid_score},
        "governor": facts.standing.model_dump(),
        "time": _time(facts.at.astimezone(time_zone)),
        "actor": facts.actor,
    }


def _action(action: Action, reach: ActionImpact | None) -> dict[str, Any]:
    about = {
        "risk": str(action.risk),
        "reversibility": str(action.reversibility),
        "disrupts": action.disrupts,
    }
    known = reach or ActionImpact(object=action.object, owner=action.object)
    reached = {name: getattr(known, name) for name in REACH}
    return {**action.model_dump(mode="json", exclude={"expect"}), **about, "reach": reached}


def _time(at: datetime) -> dict[str, Any]:
    return {
        "hour": at.hour,
        "minute": at.minute,
        "weekday": DAYS[at.weekday()],
        "weekend": at.weekday() >= 5,
        "date": f"{at:%Y-%m-%d}",
    }


# -- described, to check rules at load -----------------------------------------------------------------------------------------

_PARAMETERS: Final = {  # every parameter that some kind of action has
    "kind": "scale", "replicas": 1, "to_revision": 1, "grace_seconds": 0, "patch_type": "merge", "body": {}, "note": "",
    "revision": "", "container": "", "requests": {}, "limits": {},
}  # fmt: skip
_DESCRIBED: Final[
    dict[str, Type]
] = {  # what an example does not show: words out of a set, and maps with keys of their own
    "severity": _words(Severity),
    "failure_type": _words(FailureType),
    "risk": _words(Risk),
    "reversibility": _words(Reversibility),
    "method": _words(Method),
    "weekday": Words(DAYS),
    "route.name": _words(Route),
    "actions.kind": Words(KINDS),
    "actions.patch_type": Words(("strategic", "merge", "json")),
    "actions.body": ANY,
    "actions.requests": MapOf(STRING),
    "actions.limits": MapOf(STRING),
}


@cache
def described() -> dict[str, Type]:
    """The types of all variables, read off an example: what is not in it, no rule may speak of."""
    return {name: _described(value, (name,)) for name, value in _example().items()}


def _described(value: Any, path: tuple[str, ...]) -> Type:
    special = _DESCRIBED.get(path[-1]) or _DESCRIBED.get(".".join(path[-2:]))
    if special is not None:
        return special
    if isinstance(value, dict):
        return Shape({name: _described(inner, (*path, name)) for name, inner in value.items()})
    if isinstance(value, list):
        return ListOf(_described(value[0], path))
    kinds: tuple[tuple[type, Type], ...] = ((bool, BOOL), (int, INT), (float, DOUBLE), (str, STRING))
    return next(found for kind, found in kinds if isinstance(value, kind))


def _example() -> dict[str, Any]:
    ref = ObjectRef(kind="Deployment", namespace="n", name="x")
    plan = Plan(actions=[Scale(object=ref, replicas=1)])
    hypothesis = Hypothesis(
        id="h",
        failure_type=FailureType.UNKNOWN,
        origin="detector",
        cause="c",
        confidence=0.5,
        plan=plan,
    )
    made = context(
        Facts(
            target=Target(namespace="n", kind="Deployment", name="x"),
            severity=Severity.HIGH,
            hypothesis=hypothesis,
            routing=Routing(route=Route.HYBRID, method=Method.EXECUTE, reason="", hybrid_score=0.5),
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    made["plan"]["actions"] = [{**_PARAMETERS, **action} for action in made["plan"]["actions"]]
    return made
