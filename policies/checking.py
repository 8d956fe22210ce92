"""Types of CEL expressions against a described context: a misspelt member or an impossible comparison is found at load, in
whichever branch it stands.

Stricter than evaluation where that finds mistakes: a text that is compared with a fixed set of words must be one of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.syntax import Node, SyntaxProblem, parse, text_of


@dataclass(frozen=True)
class Scalar:
    """bool, int, uint, double, string, bytes, null, timestamp, duration, type; `any` is whatever nobody has described."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Words:
    """A string out of a fixed set."""

    allowed: tuple[str, ...]

    def __str__(self) -> str:
        return "string"


@dataclass(frozen=True)
class ListOf:
    """A list."""

    item: Type

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True)
class MapOf:
    """A map from strings, with keys that nobody has described."""

    value: Type

    def __str__(self) -> str:
        return f"map of {self.value}"


@dataclass(frozen=True, eq=False)
class Shape:
    """A map with exactly these members."""

    members: Mapping[str, Type]

    def __str__(self) -> str:
        return "object"


Type = Scalar | Words | ListOf | MapOf | Shape
ANY, BOOL, INT, UINT, DOUBLE = (Scalar(n) for n in ("any", "bool", "int", "uint", "double"))
STRING, BYTES, NULL, TIMESTAMP, DURATION, TYPE = (
    Scalar(n) for n in ("string", "bytes", "null", "timestamp", "duration", "type")
)
_NUMBERS: Final = (INT, UINT, DOUBLE)
_ORDERED: Final = (STRING, TIMESTAMP, DURATION, BOOL, BYTES)
_CONVERSIONS: Final[dict[str, tuple[Type, tuple[Type, ...]]]] = {
    "int": (INT, (INT, UINT, DOUBLE, STRING, TIMESTAMP)),
    "uint": (UINT, (INT, UINT, DOUBLE, STRING)),
    "double": (DOUBLE, (INT, UINT, DOUBLE, STRING)),
    "string": (STRING, (INT, UINT, DOUBLE, STRING, BOOL, BYTES, TIMESTAMP, DURATION)),
    "bytes": (BYTES, (STRING, BYTES)),
    "timestamp": (TIMESTAMP, (STRING, TIMESTAMP, INT)),
    "duration": (DURATION, (STRING, DURATION)),
}
_OF_TEXT: Final = ("contains", "startsWith", "endsWith", "matches")
_OF_BOTH: Final = ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
_OF_TIME: Final = (
    *_OF_BOTH, "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
)  # fmt: skip
_MACROS: Final = ("all", "exists", "exists_one", "filter", "map")


def problem(source: str, context: Mapping[str, Type]) -> str | None:
    """What is wrong with a condition, in words that say where; None when it is a condition over this context."""
    try:
        found = _Checker().type_of(parse(source), dict(context))
        if found not in (BOOL, ANY):
            raise SyntaxProblem(f"a condition is true or false, and this is {_a(found)}", 0)
    except SyntaxProblem as e:
        before = source[: e.at].rsplit("\n", 1)[-1]
        where = f"line {source.count(chr(10), 0, e.at) + 1}, " if "\n" in source.strip() else ""
        return f"{e} ({where}column {len(before) + 1})"
    return None


def names(source: str) -> list[str]:
    """The paths that an expression speaks of, as they are written: `plan.risk`, `plan.actions`."""
    found: dict[str, None] = {}
    _collect(parse(source), found, frozenset())
    return list(found)


def _collect(node: Node, found: dict[str, None], bound: frozenset[str]) -> None:
    path = _path(node)
    if path and path.partition(".")[0] not in bound:
        found[path] = None
        return
    inner = bound
    if _is_macro(node):
        _collect(node.parts[0], found, bound)
        inner = bound | {node.parts[1].text}
        for part in node.parts[2:]:
            _collect(part, found, inner)
        return
    for part in node.parts:
        _collect(part, found, inner)


def _path(node: Node) -> str:
    if node.kind == "name":
        return node.text
    below = _path(node.parts[0]) if node.kind == "select" else ""
    return f"{below}.{node.text}" if below else ""


def _is_macro(node: Node) -> bool:
    return node.receiver and node.text in _MACROS and len(node.parts) >= 3 and node.parts[1].kind == "name"


class _Checker:
    def type_of(self, node: Node, scope: dict[str, Type]) -> Type:
        """Raises SyntaxProblem for what cannot be."""
        if node.kind == "literal":
            return Scalar(node.type)
        if node.kind == "name":
            return self._name(node, scope)
        if node.kind in ("select", "index"):
            return self._member(node, scope)
        if node.kind == "call":
            return self._call(node, scope)
        parts = [self.type_of(p, scope) for p in node.parts]
        if node.kind == "list":
            return ListOf(_same(parts))
        if node.kind == "map":
            return MapOf(_same(parts[1::2]))
        return self._operator(node, parts)

    def _name(self, node: Node, scope: dict[str, Type]) -> Type:
        if node.text in scope:
            return scope[node.text]
        if node.text in _CONVERSIONS or node.text in ("bool", "list", "map", "null_type"):
            return TYPE
        raise SyntaxProblem(f"there is nothing called {node.text}" + _hint(node.text, scope), node.at)

    def _member(self, node: Node, scope: dict[str, Type]) -> Type:
        of = self.type_of(node.parts[0], scope)
        if node.kind == "select":
            return _member_of(of, node.text, node)
        key = self.type_of(node.parts[1], scope)
        if isinstance(of, ListOf):
            _need(key in (INT, UINT, ANY), f"a list is indexed by a number, not by {_a(key)}", node)
            return of.item
        _need(_is_text(key) or key == ANY, f"a map is indexed by a string, not by {_a(key)}", node)
        if isinstance(of, Shape) and node.parts[1].kind != "literal":
            return ANY
        return _member_of(of, text_of(node.parts[1]) if node.parts[1].kind == "literal" else "", node)

    def _operator(self, node: Node, parts: list[Type]) -> Type:
        sign = node.kind
        if sign in ("&&", "||", "not"):
            for part, type_ in zip(node.parts, parts, strict=True):
                _need(type_ in (BOOL, ANY), f"{sign} joins conditions, and this is {_a(type_)}", part)
            return BOOL
        if sign == "?:":
            _need(parts[0] in (BOOL, ANY), f"? needs a condition, and this is {_a(parts[0])}", node.parts[0])
            return _same(parts[1:])
        if sign == "negative":
            _need(parts[0] in (*_NUMBERS, DURATION, ANY), f"{_a(parts[0])} cannot be negative", node)
            return parts[0]
        if sign in ("==", "!="):
            return self._equal(node, *parts)
        if sign == "in":
            return self._among(node, *parts)
        return _compared(node, *parts) if sign in ("<", "<=", ">", ">=") else _reckoned(node, *parts)

    def _equal(self, node: Node, left: Type, right: Type) -> Type:
        _need(_comparable(left, right), f"{_a(left)} is never equal to {_a(right)}", node)
        for words, literal in ((left, node.parts[1]), (right, node.parts[0])):
            _known_word(words, literal)
        return BOOL

    def _among(self, node: Node, left: Type, right: Type) -> Type:
        if isinstance(right, ListOf):
            _need(_comparable(left, right.item), f"{_a(left)} is never in a {right}", node)
            for literal in node.parts[1].parts if node.parts[1].kind == "list" else ():
                _known_word(left, literal)
            return BOOL
        map_like = isinstance(right, MapOf | Shape) or right == ANY
        _need(map_like, f"in needs a list or a map, and this is {_a(right)}", node.parts[1])
        return BOOL

    def _call(self, node: Node, scope: dict[str, Type]) -> Type:
        if node.text == "has" and not node.receiver:
            one = len(node.parts) == 1 and node.parts[0].kind == "select"
            _need(one, "has() asks for one member, for example has(target.name)", node)
            self.type_of(node.parts[0], scope)
            return BOOL
        if _is_macro(node):
            return self._macro(node, scope)
        parts = [self.type_of(p, scope) for p in node.parts]
        return _method(node, parts) if node.receiver else _function(node, parts)

    def _macro(self, node: Node, scope: dict[str, Type]) -> Type:
        over = self.type_of(node.parts[0], scope)
        _need(
            isinstance(over, ListOf | MapOf | Shape) or over == ANY,
            f"{node.text} goes through a list or a map, and this is {_a(over)}",
            node,
        )
        item = over.item if isinstance(over, ListOf) else ANY if over == ANY else STRING
        inner = {**scope, node.parts[1].text: item}
        bodies = [self.type_of(p, inner) for p in node.parts[2:]]
        _need(len(bodies) <= (2 if node.text == "map" else 1), f"{node.text} has too many arguments", node)
        conditions = bodies[:-1] if node.text == "map" else bodies
        for body in conditions:
            _need(
                body in (BOOL, ANY), f"{node.text} needs a condition, and this is {_a(body)}", node.parts[2]
            )
        if node.text == "map":
            return ListOf(bodies[-1])
        return ListOf(item) if node.text == "filter" else BOOL


def _member_of(of: Type, name: str, node: Node) -> Type:
    if of == ANY:
        return ANY
    if isinstance(of, MapOf):
        return of.value
    if isinstance(of, Shape):
        if name in of.members:
            return of.members[name]
        path = _path(node.parts[0]) or "it"
        known = ", ".join(sorted(of.members))
        raise SyntaxProblem(f"{path} has no {name}{_hint(name, of.members)}: it has {known}", node.at)
    raise SyntaxProblem(f"{_path(node.parts[0]) or 'it'} is {_a(of)} and has no {name}", node.at)


def _compared(node: Node, left: Type, right: Type) -> Type:
    numbers = all(t in (*_NUMBERS, ANY) for t in (left, right))
    same = any(_fits(left, t) and _fits(right, t) for t in _ORDERED)
    _need(numbers or same, f"{_a(left)} cannot be compared with {_a(right)} by {node.kind}", node)
    return BOOL


def _reckoned(node: Node, left: Type, right: Type) -> Type:
    if ANY in (left, right):
        return ANY
    texts = _is_text(left) and _is_text(right)
    joined = node.kind == "+" and (texts or left == BYTES)
    if (texts or left == right) and (left in _NUMBERS or joined):
        return STRING if texts else left
    if node.kind == "+" and isinstance(left, ListOf) and isinstance(right, ListOf):
        return ListOf(_same([left.item, right.item]))
    times = {
        ("+", TIMESTAMP, DURATION): TIMESTAMP,
        ("+", DURATION, TIMESTAMP): TIMESTAMP,
        ("+", DURATION, DURATION): DURATION,
        ("-", TIMESTAMP, TIMESTAMP): DURATION,
        ("-", TIMESTAMP, DURATION): TIMESTAMP,
        ("-", DURATION, DURATION): DURATION,
    }
    found = next((t for key, t in times.items() if key == (node.kind, left, right)), None)
    if found is None:
        raise SyntaxProblem(f"{_a(left)} {node.kind} {_a(right)} is not possible", node.at)
    return found


def _method(node: Node, parts: list[Type]) -> Type:
    of, name = parts[0], node.text
    if name == "size" and len(parts) == 1:
        return _function(node, parts)
    if name in _OF_TEXT:
        _need(len(parts) == 2, f"{name} takes one string", node)
        for part, type_ in zip(node.parts, parts, strict=True):
            _need(_is_text(type_) or type_ == ANY, f"{name} works on strings, and this is {_a(type_)}", part)
        return BOOL
    if name in _OF_TIME:
        fits = of in (TIMESTAMP, ANY) or (of == DURATION and name in _OF_BOTH)
        _need(fits and len(parts) == 1, f"{name}() works on a time, and this is {_a(of)}", node)
        return INT
    known = ("size", *_OF_TEXT, *_OF_TIME, *_MACROS)
    raise SyntaxProblem(f"there is no function {name}" + _hint(name, known), node.at)


def _function(node: Node, parts: list[Type]) -> Type:
    name = node.text
    known = ("size", "has", "type", "dyn", *_CONVERSIONS)
    _need(name in known, f"there is no function {name}" + _hint(name, known), node)
    _need(len(parts) == 1, f"{name}() takes one argument", node)
    of = parts[0]
    if name == "size":
        sized = isinstance(of, ListOf | MapOf | Shape) or _is_text(of) or of in (BYTES, ANY)
        _need(sized, f"{_a(of)} has no size", node)
        return INT
    if name in ("type", "dyn"):
        return TYPE if name == "type" else ANY
    result, takes = _CONVERSIONS[name]
    _need(of == ANY or any(_fits(of, t) for t in takes), f"{name}() cannot be made of {_a(of)}", node)
    return result


def _known_word(words: Type, literal: Node) -> None:
    if not isinstance(words, Words) or literal.kind != "literal" or literal.type != "string":
        return
    word = text_of(literal)
    if word not in words.allowed:
        known = ", ".join(words.allowed)
        raise SyntaxProblem(
            f"it is never {word!r}{_hint(word, words.allowed)}: it is one of {known}", literal.at
        )


def _comparable(left: Type, right: Type) -> bool:
    if ANY in (left, right) or NULL in (left, right) or (left in _NUMBERS and right in _NUMBERS):
        return True
    if _is_text(left) or _is_text(right):
        return _is_text(left) and _is_text(right)
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        return _comparable(left.item, right.item)
    maps = isinstance(left, MapOf | Shape) and isinstance(right, MapOf | Shape)
    return maps or left == right


def _same(types: list[Type]) -> Type:
    """The common type; what differs is not checked further."""
    first = types[0] if types else ANY
    if all(_is_text(t) for t in types) and types:
        return STRING if any(t != first for t in types) else first
    return first if all(t == first for t in types) else ANY


def _fits(given: Type, wanted: Type) -> bool:
    return given in (wanted, ANY) or (wanted == STRING and _is_text(given))


def _is_text(type_: Type) -> bool:
    return type_ == STRING or isinstance(type_, Words)


def _need(holds: bool, message: str, node: Node) -> None:
    if not holds:
        raise SyntaxProblem(message, node.at)


def _a(type_: Type) -> str:
    name = str(type_)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _hint(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""
