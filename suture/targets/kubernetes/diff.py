"""Differences between two manifests: as field paths for people, and as a JSON patch that goes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from suture.domain.snapshot import Manifest

Json = dict[str, Any]
_LONGEST = 400
_MOST = 200
_SERVER_OWNED = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "managers", "selfLink"}
)


def comparable(manifest: Manifest) -> Manifest:
    """Without status and what the server itself writes."""
    kept = {k: v for k, v in manifest.items() if k not in ("status", "kind", "apiVersion")}
    kept["metadata"] = {k: v for k, v in manifest["metadata"].items() if k not in _SERVER_OWNED}
    return kept


def changes(before: Manifest, after: Manifest) -> dict[str, tuple[Any, Any]]:
    """Field path -> (before, after); list items by their unique names, else by index; None is missing.

    Long values are cut and end in a digest, and at most 200 fields are told, so that a receipt stays small.

    >>> changes({"metadata": {}, "spec": {"replicas": 1}}, {"metadata": {}, "spec": {"replicas": 3}})
    {'spec.replicas': (1, 3)}
    """
    found: dict[str, tuple[Any, Any]] = {}
    for path, old, new in _leaves("", comparable(before), comparable(after)):
        if len(found) == _MOST:
            break
        found[path] = (_short(old), _short(new))
    return found


def _leaves(at: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new or (_empty(old) and _empty(new)):
        return
    a, b = _children(old, new)
    if a is None or b is None:
        yield at, old, new
        return
    for key in dict.fromkeys([*a, *b]):
        yield from _leaves(f"{at}.{key}" if at else key, a.get(key), b.get(key))


def _children(old: Any, new: Any) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Both values as mappings when both are containers of the same sort (a missing one counts as empty)."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old, new
    if isinstance(old, list) and isinstance(new, list):
        by_name = _names(old) is not None and _names(new) is not None
        return _by(old, by_name), _by(new, by_name)
    return None, None


def _by(items: list[Any], by_name: bool) -> dict[str, Any]:
    return {str(x["name"] if by_name else i): x for i, x in enumerate(items)}


def _names(items: list[Any]) -> list[str] | None:
    """The items' names when every item has its own."""
    names = [x.get("name") if isinstance(x, dict) else None for x in items]
    unique = all(isinstance(n, str) for n in names) and len(set(names)) == len(names)
    return [str(n) for n in names] if unique else None


def _empty(value: Any) -> bool:
    return value is None or value in ({}, [])


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if len(text) <= _LONGEST:
        return value
    return f"{text[: _LONGEST // 2]}… (sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]})"


def state(live: Manifest, told: dict[str, tuple[Any, Any]]) -> str:
    """Where an object stands in a change: `before` it, `after` it, or somewhere `else`."""
    values = {path: _short(value_at(live, path)) for path in told}
    for name, side in (("before", 0), ("after", 1)):
        if all(
            v == told[path][side] or (_empty(v) and _empty(told[path][side])) for path, v in values.items()
        ):
            return name
    return "else"


def value_at(value: Any, path: str) -> Any:
    """The value at a path as `changes` writes it; keys may hold dots. None when there is none.

    >>> value_at({"data": {"app.conf": "x"}}, "data.app.conf")
    'x'
    """
    if not path:
        return value
    if isinstance(value, list):
        value = {**_by(value, False), **(_by(value, True) if _names(value) is not None else {})}
    if not isinstance(value, dict):
        return None
    for key in sorted(value, key=len, reverse=True):
        if path == key or path.startswith(f"{key}."):
            found = value_at(value[key], path[len(key) + 1 :])
            if found is not None:
                return found
    return None


def inverse(before: Manifest, after: Manifest) -> list[Json]:
    """A JSON patch from `after` back to `before` that first tests that its fields still are as in `after`.

    So a change that somebody else made to the same fields in between is never overwritten.
    """
    steps = list(_back([], comparable(before), comparable(after)))
    tests = [{"op": "test", "path": s["path"], "value": s["_was"]} for s in steps if "_was" in s]
    return [*tests, *({k: v for k, v in s.items() if k != "_was"} for s in steps if s["op"] != "test")]


def _back(at: list[str], before: Any, after: Any) -> Iterable[Json]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            yield from _back_key([*at, key], key, before, after)
    elif isinstance(before, list) and isinstance(after, list) and _same_items(before, after):
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new and isinstance(new, dict) and "name" in new:  # still the same item at this position
                yield {"op": "test", "path": pointer([*at, str(i), "name"]), "_was": new["name"]}
            yield from _back([*at, str(i)], old, new)
    else:
        yield {"op": "replace", "path": pointer(at), "value": before, "_was": after}


def _back_key(at: list[str], key: str, before: Json, after: Json) -> Iterable[Json]:
    if key not in before:
        yield {"op": "remove", "path": pointer(at), "_was": after[key]}
    elif key not in after:
        yield {"op": "add", "path": pointer(at), "value": before[key]}
    else:
        yield from _back(at, before[key], after[key])


def _same_items(before: list[Any], after: list[Any]) -> bool:
    """Whether items correspond by position: the same names in the same order, or as many plain values."""
    return len(before) == len(after) and _names(before) == _names(after)


def pointer(parts: Iterable[str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + p.replace("~", "~0").replace("/", "~1") for p in parts)
