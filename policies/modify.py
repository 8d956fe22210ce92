"""What policies make of a plan: narrowed parameters, a mode in which less happens, another method. The strictest of all wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from policies.rules import Rule
from suture.domain.action import ACTIONS, Action
from suture.domain.decision import Method, Mode
from suture.domain.plan import FieldEquals, Plan

_MODES = list(Mode)  # each does less than the one before
_METHODS = list(Method)  # each is more careful than the one before


@dataclass
class Modified:
    """A plan as the rules leave it, and in words what they changed."""

    plan: Plan
    mode: Mode = Mode.ACT
    method: Method | None = None
    words: list[str] = field(default_factory=list)


def modify(plan: Plan, rules: Iterable[Rule]) -> Modified:
    """Apply every change; the order of the rules does not matter."""
    found = Modified(plan)
    for rule in rules:
        change = rule.change
        assert change is not None  # noqa: S101 - a rule that modifies has one
        for name, most in sorted(change.at_most.items()):
            found.plan = _bounded(found, rule, name, most)
        if change.mode and _MODES.index(change.mode) > _MODES.index(found.mode):
            found.mode = change.mode
            found.words.append(f"{rule.name}: {change.mode.replace('_', ' ')} only")
        if change.method and (
            found.method is None or _METHODS.index(change.method) > _METHODS.index(found.method)
        ):
            found.method = change.method
            found.words.append(f"{rule.name}: {change.method.replace('_', ' ')}")
    return found


def _bounded(found: Modified, rule: Rule, name: str, most: float) -> Plan:
    actions = list(found.plan.actions)
    for i, action in enumerate(actions):
        value = getattr(action, name, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > most:
            actions[i] = _with(action, name, most)
            found.words.append(
                f"{rule.name}: {name} {value} -> {getattr(actions[i], name)} of {action.object}"
            )
    if actions == found.plan.actions:
        return found.plan
    return Plan(actions=actions, checks=list(_checks(found.plan, actions)))


def _with(action: Action, name: str, value: float) -> Action:
    """Validated anew: a bound that makes no sense for the action is an error of the policy, not a broken plan."""
    whole = int(value) if float(value).is_integer() else value
    return ACTIONS.validate_python({**action.model_dump(), name: whole})


def _checks(plan: Plan, actions: list[Action]) -> Iterator[object]:
    """A check of exactly the value that was narrowed cannot hold any more; all others must."""
    narrowed = {a.object for a, before in zip(actions, plan.actions, strict=True) if a != before}
    for check in plan.checks:
        if not (
            isinstance(check, FieldEquals) and check.object in narrowed and check.path == "spec.replicas"
        ):
            yield check
