"""The grammar of CEL as a tree, to check a rule's types before it decides anything (evaluating is the library's business).

Grammar: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


class SyntaxProblem(ValueError):
    """The text cannot be read; `at` is the offset where that shows."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Node:
    """One part of an expression. `kind`: literal, name, select, index, call, list, map, or an operator's sign.

    `text` is a literal's text, or the name of a variable, member or function; `parts` are the operands; of a call with
    `receiver` the first part is what it is called on.
    """

    kind: str
    at: int
    text: str = ""
    parts: tuple[Node, ...] = ()
    type: str = ""
    receiver: bool = False


_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<double>\d+\.\d+(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
    |(?P<int>(?:0x[0-9a-fA-F]+|\d+)u?)
    |(?P<string>[rRbB]{0,2}(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_LEVELS: Final = (("||",), ("&&",), ("==", "!=", "<=", ">=", "<", ">", "in"), ("+", "-"), ("*", "/", "%"))
_LITERALS: Final = {"true": "bool", "false": "bool", "null": "null"}


def parse(source: str) -> Node:
    """The tree of an expression; raises SyntaxProblem."""
    reader = _Reader(_tokens(source))
    tree = reader.expression()
    reader.expect("end")
    return tree


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(source: str) -> list[_Token]:
    found, at = [], 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise SyntaxProblem(f"{source[at]!r} makes no sense here", at)
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match[0], at))
        at = match.end()
    return [*found, _Token("end", "end", at)]


class _Reader:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens, self._next = tokens, 0

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *texts: str) -> _Token | None:
        token = self._token
        if token.text in texts and token.kind != "string":
            self._next += 1
            return token
        return None

    def expect(self, text: str) -> _Token:
        token = self._take(text)
        if token is None:
            raise SyntaxProblem(f"{text!r} is missing before {self._token.text!r}", self._token.at)
        return token

    def expression(self) -> Node:
        condition = self._binary(0)
        mark = self._take("?")
        if mark is None:
            return condition
        yes = self._binary(0)
        self.expect(":")
        return Node("?:", mark.at, parts=(condition, yes, self.expression()))

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            left = Node(sign.text, sign.at, parts=(left, self._binary(level + 1)))
        return left

    def _unary(self) -> Node:
        sign = self._take("!", "-")
        if sign is None:
            return self._member()
        return Node("not" if sign.text == "!" else "negative", sign.at, parts=(self._unary(),))

    def _member(self) -> Node:
        node = self._primary()
        while True:
            if dot := self._take("."):
                name = self._name()
                if self._take("("):
                    arguments = self._list(")")
                    node = Node("call", dot.at, name.text, (node, *arguments), receiver=True)
                else:
                    node = Node("select", name.at, name.text, (node,))
            elif bracket := self._take("["):
                node = Node("index", bracket.at, parts=(node, self.expression()))
                self.expect("]")
            else:
                return node

    def _name(self) -> _Token:
        token = self._token
        if token.kind != "name":
            raise SyntaxProblem(f"a name is missing before {token.text!r}", token.at)
        self._next += 1
        return token

    def _primary(self) -> Node:
        token = self._token
        if token.kind in ("int", "double", "string"):
            self._next += 1
            return Node("literal", token.at, token.text, type=_type_of(token))
        if token.kind == "name":
            return self._named()
        if self._take("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if self._take("["):
            return Node("list", token.at, parts=tuple(self._list("]")))
        if self._take("{"):
            return Node("map", token.at, parts=tuple(self._entries()))
        raise SyntaxProblem(f"{token.text!r} makes no sense here", token.at)

    def _named(self) -> Node:
        token = self._name()
        if token.text in _LITERALS:
            return Node("literal", token.at, token.text, type=_LITERALS[token.text])
        if self._take("("):
            return Node("call", token.at, token.text, tuple(self._list(")")))
        return Node("name", token.at, token.text)

    def _list(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self._take(end):
            found.append(self.expression())
            if not self._take(","):
                self.expect(end)
                break
        return found

    def _entries(self) -> list[Node]:
        """Keys and values by turns."""
        found: list[Node] = []
        while not self._take("}"):
            found.append(self.expression())
            self.expect(":")
            found.append(self.expression())
            if not self._take(","):
                self.expect("}")
                break
        return found


def _type_of(token: _Token) -> str:
    if token.kind == "int":
        return "uint" if token.text.endswith("u") else "int"
    if token.kind == "string":
        prefix = token.text[: min(token.text.find("'") % 99, token.text.find('"') % 99)]
        return "bytes" if "b" in prefix.lower() else "string"
    return token.kind


def text_of(literal: Node) -> str:
    """What a plain string literal says (escapes are left as they are)."""
    body = literal.text.lstrip("rRbB")
    quote = body[:3] if body[:3] in ("'''", '"""') else body[:1]
    return body[len(quote) : len(body) - len(quote)]
