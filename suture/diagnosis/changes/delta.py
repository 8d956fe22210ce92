"""Two states of an object, field by field, and the way back as a JSON patch.

Lists are compared item by item where their items have a key, as Kubernetes' strategic merge does; any other list
is one value. The patch first tests that what it changes is still as it was seen: a change that somebody made in
between is never overwritten.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final


class _Missing:
    """The value of a field that is not there; there is only one, copied or not."""

    def __repr__(self) -> str:
        return "none"

    def __bool__(self) -> bool:
        return False

    def __deepcopy__(self, _: Any) -> _Missing:
        return self


MISSING: Any = _Missing()
# Items are told apart by the first of these fields that all items of both lists have, each with its own value.
KEYS: Final = (
    "name",
    "mountPath",
    "devicePath",
    "containerPort",
    "port",
    "ip",
    "topologyKey",
    "host",
    "path",
    "key",
    "type",
)


@dataclass(frozen=True)
class Item:
    """One member of a keyed list, as a step of a path."""

    key: str
    value: Any

    def __str__(self) -> str:
        return str(self.value)


Step = str | Item
Path = tuple[Step, ...]


@dataclass(frozen=True)
class Delta:
    """One field that differs: `before` in the good state, `after` now (MISSING: not there)."""

    path: Path
    before: Any
    after: Any

    @property
    def dotted(self) -> str:
        return ".".join(map(str, self.path))


def deltas(before: Any, after: Any, path: Path = ()) -> Iterator[Delta]:
    """What differs, in a stable order; 1 and True differ.

    >>> [str(d.dotted) for d in deltas({"c": [{"name": "a", "x": 1}]}, {"c": [{"name": "a", "x": 2}]})]
    ['c.a.x']
    """
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from deltas(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
        return
    key = list_key(before, after)
    if key is None:
        yield Delta(path, before, after)
        return
    old, new = ({x[key]: x for x in items} for items in (before, after))
    if [k for k in old if k in new] != [k for k in new if k in old]:  # the order counts, too
        yield Delta(path, before, after)
        return
    for value in dict.fromkeys([*old, *new]):
        here = (*path, Item(key, value))
        yield from deltas(old.get(value, MISSING), new.get(value, MISSING), here)


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: empty and missing mean the same to the API, true and 1 do not."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b) or (_is_empty(a) and _is_empty(b))


def _is_empty(value: Any) -> bool:
    return value is MISSING or value is None or (isinstance(value, list) and not value)


def list_key(before: Any, after: Any) -> str | None:
    """The field that tells the items of both lists apart."""
    if not (isinstance(before, list) and isinstance(after, list) and before and after):
        return None
    for key in KEYS:
        if all(_distinct(items, key) for items in (before, after)):
            return key
    return None


def _distinct(items: Sequence[Any], key: str) -> bool:
    values = [x.get(key) if isinstance(x, dict) else None for x in items]
    return all(isinstance(v, str | int) for v in values) and len(set(values)) == len(values)


def reverted(current: Any, baseline: Any, undo: Iterable[Delta]) -> Any:
    """A copy of the current state with these fields as they were."""
    made = copy.deepcopy(current)
    for d in undo:
        _put(made, baseline, d.path, d.before)
    return made


def _put(holder: Any, baseline: Any, path: Path, value: Any) -> None:
    """Set, insert or remove what a path leads to; what is missing on the way is made."""
    for here, then in itertools.pairwise(path):
        baseline = _get(baseline, here)
        below = _get(holder, here)
        if below is MISSING or below is None:
            below = [] if isinstance(then, Item) else {}
            _set(holder, here, below, baseline)
            below = _get(holder, here)  # what was set is a copy
        holder = below
    _set(holder, path[-1], value, baseline)


def _get(holder: Any, step: Step) -> Any:
    if isinstance(step, Item):
        items = holder if isinstance(holder, list) else []
        return next((x for x in items if isinstance(x, dict) and x.get(step.key) == step.value), MISSING)
    return holder.get(step, MISSING) if isinstance(holder, dict) else MISSING


def _set(holder: Any, step: Step, value: Any, baseline: Any) -> None:
    value = copy.deepcopy(value)
    if isinstance(step, str):
        if value is MISSING:
            holder.pop(step, None)
        else:
            holder[step] = value
        return
    at = next(
        (i for i, x in enumerate(holder) if isinstance(x, dict) and x.get(step.key) == step.value), None
    )
    if value is MISSING:
        if at is not None:
            del holder[at]
    elif at is not None:
        holder[at] = value
    else:
        holder.insert(_place(holder, step, baseline), value)


def _place(holder: list[Any], step: Item, baseline: Any) -> int:
    """Behind the item that it followed in the good state."""
    order = [x.get(step.key) for x in baseline] if isinstance(baseline, list) else []
    earlier = set(order[: order.index(step.value)] if step.value in order else order)
    return max(
        (i + 1 for i, x in enumerate(holder) if isinstance(x, dict) and x.get(step.key) in earlier), default=0
    )


def json_patch(current: Any, wanted: Any) -> list[dict[str, Any]]:
    """RFC 6902 operations from one state to the other, tests of what they change first."""
    steps = list(_steps(current, wanted, ""))
    tests = [{"op": "test", "path": s["path"], "value": s["was"]} for s in steps if s["was"] is not MISSING]
    return [*tests, *({k: v for k, v in s.items() if k != "was"} for s in steps if s["op"] != "test")]


def _steps(current: Any, wanted: Any, at: str) -> Iterator[dict[str, Any]]:
    if type(current) is type(wanted) and current == wanted:
        return
    if isinstance(current, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys([*current, *wanted]):
            yield from _member(current, wanted, key, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")
    elif (key := _aligned(current, wanted)) is not None:
        for i, (old, new) in enumerate(zip(current, wanted, strict=True)):
            if old != new:
                yield {"op": "test", "path": f"{at}/{i}/{key}", "was": old[key]}
            yield from _steps(old, new, f"{at}/{i}")
    else:
        yield {"op": "replace", "path": at, "value": wanted, "was": current}


def _member(current: dict[str, Any], wanted: dict[str, Any], key: str, at: str) -> Iterator[dict[str, Any]]:
    if key not in wanted:
        yield {"op": "remove", "path": at, "was": current[key]}
    elif key not in current:
        yield {"op": "add", "path": at, "value": wanted[key], "was": MISSING}
    else:
        yield from _steps(current[key], wanted[key], at)


def _aligned(current: Any, wanted: Any) -> str | None:
    """The key of two lists whose items correspond by position."""
    key = list_key(current, wanted)
    if key is None or len(current) != len(wanted):
        return None
    return key if all(a[key] == b[key] for a, b in zip(current, wanted, strict=True)) else None
