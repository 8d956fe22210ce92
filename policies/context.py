"""What a rule's `when` can speak of: built for each decision, and described once so that misspelt names are found at load.

`incident`, `target`, `hypothesis`, `plan` (with each action's parameters and reach), `route`, `governor`, `time` (UTC, or the
time zone of the settings) and `actor` (who changed the plan; empty for the engine's own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from policies.expressions import Expression, ExpressionError
from suture.domain.action import Action
from suture.domain.decision import Method, Route, Routing
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.facts import Facts
from suture.domain.impact import ActionImpact
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

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


# -- checking at load ---------------------------------------------------------------------------------------------------------

_PARAMETERS: Final = {  # every parameter that some kind of action has
    "kind": "scale", "replicas": 1, "to_revision": 1, "grace_seconds": 0, "patch_type": "merge", "body": {}, "note": "",
    "revision": "", "container": "", "requests": {}, "limits": {},
}  # fmt: skip


def example() -> dict[str, Any]:
    """A context with every name that can occur: what is not in it, no rule may speak of."""
    ref = ObjectRef(kind="Deployment", namespace="n", name="x")
    plan = Plan.model_validate({"actions": [{"kind": "scale", "object": ref, "replicas": 1}]})
    made = context(
        Facts(
            target=Target(namespace="n", kind="Deployment", name="x"),
            severity=Severity.HIGH,
            hypothesis=Hypothesis(
                id="h",
                failure_type=FailureType.UNKNOWN,
                origin="detector",
                cause="c",
                confidence=0.5,
                plan=plan,
            ),
            routing=Routing(route=Route.HYBRID, method=Method.EXECUTE, reason="", hybrid_score=0.5),
            at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    made["plan"]["actions"][0] = {**_PARAMETERS, **made["plan"]["actions"][0]}
    return made


_STRING = re.compile(r"""r?('''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.DOTALL)
_PATH = re.compile(r"(?<![\w.])([A-Za-z_]\w*)((?:\s*\.\s*[A-Za-z_]\w*\b(?!\s*\()|\s*\[\s*\d+\s*\])*)")
_MACRO = re.compile(
    r"(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*?)\.(?:exists|exists_one|all|map|filter)\(\s*([A-Za-z_]\w*)\s*,"
)
_BOUND = re.compile(r"\.(?:exists|exists_one|all|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_STEP = re.compile(r"\.\s*([A-Za-z_]\w*)|\[\s*(\d+)\s*\]")
_FREE: Final = ("requests", "limits", "body")  # their keys are the user's own


def misspelt(expression: Expression) -> str | None:
    """What the expression speaks of that does not exist, or cannot be compared as it is; None when all is well.

    Names are followed member by member, also through macros (`plan.actions.exists(a, a.kind == ...)`); types are tried on an
    example, where a wrong one raises.
    """
    text = _STRING.sub("''", expression.source)
    known = {
        **dict.fromkeys(_BOUND.findall(text)),
        **example(),
    }  # what is bound over a literal may be anything
    for found in _MACRO.finditer(text):
        over = _follow(known, *_split(found[1]))
        known[found[2]] = over[0] if isinstance(over, list) and over else None
    unknown = sorted(set(expression.variables) - set(known))
    if unknown:
        return f"there is nothing called {unknown[0]}: a rule can speak of {', '.join(sorted(example()))}"
    for found in _PATH.finditer(text):
        wrong = _wrong(known, found[1], [a or b for a, b in _STEP.findall(found[2])])
        if wrong:
            return wrong
    try:
        expression.test(example())
    except ExpressionError as e:
        return str(e)
    return None


def _split(path: str) -> tuple[str, list[str]]:
    root, *rest = path.split(".")
    return root, rest


def _follow(known: dict[str, Any], root: str, steps: list[str]) -> Any:
    value: Any = known.get(root)
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _wrong(known: dict[str, Any], root: str, steps: list[str]) -> str | None:
    value, path = known.get(root), root
    for step in steps if value is not None else ():
        if path.rpartition(".")[2] in _FREE:
            return None
        if isinstance(value, list) and step.isdigit():
            value = value[0] if value else {}
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return f"{path} has no {step}" + _instead(value)
        path += f".{step}"
    return None


def _instead(value: Any) -> str:
    names: Iterator[str] = iter(sorted(value)) if isinstance(value, dict) else iter(())
    there = ", ".join(names)
    return f": it has {there}" if there else ": it has no members"
