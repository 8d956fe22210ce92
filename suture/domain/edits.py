"""Approve with changes: a person edits parameters of a plan's actions, and the result is again a valid, typed plan.

What a plan is about stays: another object, another kind of action or another precondition is another plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from suture.domain.plan import Check, FieldEquals, Plan

FIXED = ("object", "kind", "expect", "revision")  # of an action: what it is about
MAX_EDITS = 32


def edited(plan: Plan, edits: Mapping[str, Any]) -> Plan:
    """The plan with the named parameters replaced; raises ValueError that says which edit does not fit, and why.

    >>> from suture.domain.action import Scale
    >>> from suture.domain.target import ObjectRef
    >>> web = ObjectRef(kind="Deployment", namespace="shop", name="web")
    >>> edited(Plan(actions=[Scale(object=web, replicas=3)]), {"actions.0.replicas": 4}).describe()
    'scale Deployment/shop/web to 4'
    """
    if len(edits) > MAX_EDITS:
        raise ValueError(f"{len(edits)} edits at once: at most {MAX_EDITS}")
    raw = plan.model_dump(mode="json")
    before = [_put(raw, path, value) for path, value in edits.items()]
    try:
        made = Plan.model_validate(raw)
    except ValidationError as e:
        raise ValueError("; ".join(_brief(error) for error in e.errors()[:5])) from None
    if made.hash == plan.hash:
        raise ValueError("the edits change nothing: approve without them")
    checks = list(made.checks)
    for (path, value), old in zip(edits.items(), before, strict=True):
        checks = [_follow(check, made, path, old, value) for check in checks]
    return made.model_copy(update={"checks": checks})


def _put(raw: dict[str, Any], path: str, value: Any) -> Any:
    """Replace one value in place; returns what was there."""
    first, _, rest = path.partition(".")
    number, _, field = rest.partition(".")
    if first != "actions" or not number.isdigit() or not field:
        raise ValueError(f"{path!r} names no parameter: write for example actions.0.replicas")
    if int(number) >= len(raw["actions"]):
        raise ValueError(f"{path}: the plan has {len(raw['actions'])} actions, counted from 0")
    if field.partition(".")[0] in FIXED:
        raise ValueError(f"{path}: what an action is about cannot be edited: reject the plan instead")
    *way, last = field.split(".")
    holder: Any = raw["actions"][int(number)]
    for part in way:
        holder = holder[_step(holder, part, path)]
    key = _step(holder, last, path, new=True)
    old = holder[key] if isinstance(holder, list) else holder.get(key)
    holder[key] = value
    return old


def _step(holder: Any, part: str, path: str, new: bool = False) -> Any:
    """The key or index of one part of a path; list items go by index or by their name."""
    if isinstance(holder, dict) and (part in holder or new):
        return part
    if isinstance(holder, list):
        if part.isdigit() and int(part) < len(holder):
            return int(part)
        named = [i for i, item in enumerate(holder) if isinstance(item, dict) and item.get("name") == part]
        if named:
            return named[0]
    raise ValueError(f"{path}: there is no {part!r}")


def _follow(check: Check, plan: Plan, path: str, old: Any, new: Any) -> Check:
    """A check that waits for the value that was planned waits for the edited one."""
    action = plan.actions[int(path.split(".")[1])]
    if not isinstance(check, FieldEquals) or (check.object, check.value) != (action.object, old):
        return check
    if check.path.rpartition(".")[2] != path.rpartition(".")[2]:
        return check
    return check.model_copy(update={"value": new})


def _brief(error: Any) -> str:
    where = [str(part) for part in error["loc"]]
    # the union's tag stands between an action's number and its field
    return f"{'.'.join(where[:2] + where[3:])}: {error['msg']}"
