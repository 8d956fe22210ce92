"""Drain: an online parse tree that puts log messages into groups with one template each.

A message walks by its number of tokens, then by its first tokens, to a leaf with a few groups. It joins the one whose constant
tokens it shares best, at least to `similarity`. Unlike the published tree, a plain word (no digit in it) only becomes a wildcard
when `variants` groups differ in nothing else: "disk attached" and "disk detached" stay two templates, user names become one. So
one setting serves logs of any kind, where the published figures have patterns and a threshold for each.
Memory is bounded: the least recently used group is forgotten when there are too many.
Source: He, Zhu, Zheng and Lyu, Drain: An Online Log Parsing Approach with Fixed Depth Tree, ICWS 2017.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

WILD = "<*>"
Leaf = list["Group"]
Path = tuple[str | int, ...]


@dataclass(slots=True, eq=False)
class Group:
    """Messages of one template. `count` is how many there were; an `id` is used once. A group that was merged into another says
    which; `current` follows that."""

    id: int
    tokens: list[str]
    path: Path = field(repr=False)
    count: int = 0
    merged: Group | None = field(default=None, repr=False)

    @property
    def template(self) -> str:
        return " ".join(self.tokens)

    @property
    def current(self) -> Group:
        group = self
        while group.merged is not None:
            group = group.merged
        return group


class Drain:
    """`depth` first tokens lead to a leaf; a node has at most `fan_out` children, further tokens share one.

    >>> drain = Drain()
    >>> for text in ("connected to db-1", "connected to db-2", "shutting down"):
    ...     group = drain.add(text.split())
    >>> sorted(g.template for g in drain.groups())
    ['connected to <*>', 'shutting down']
    """

    def __init__(
        self,
        similarity: float = 0.5,
        depth: int = 1,
        variants: int = 5,
        fan_out: int = 100,
        max_groups: int = 5000,
        max_leaf: int = 200,
    ) -> None:
        if not 0 < similarity <= 1 or min(depth, fan_out, max_groups, max_leaf) < 1 or variants < 2:
            raise ValueError("Drain: similarity in (0, 1], variants at least 2, all other limits at least 1")
        self.similarity, self.depth, self.variants = similarity, depth, variants
        self.fan_out, self.max_groups, self.max_leaf = fan_out, max_groups, max_leaf
        self._leaves: dict[Path, Leaf] = {}
        self._children: dict[Path, set[str]] = {}
        self._groups: OrderedDict[int, Group] = OrderedDict()
        self._next = 0

    def add(self, tokens: Sequence[str]) -> Group:
        """The group of a message, after the message has joined it. Variable parts may already be WILD."""
        path = self._path(tokens)
        leaf = self._leaves.setdefault(path, [])
        group = self._similar(leaf, tokens) or self._found(leaf, path, tokens)
        group.count += 1
        self._groups.move_to_end(group.id)
        return group

    def again(self, group: Group) -> Group | None:
        """One more message of a group, without looking for it; None when the group was forgotten."""
        known = group.current
        if known.id not in self._groups:
            return None
        known.count += 1
        self._groups.move_to_end(known.id)
        return known

    def groups(self) -> list[Group]:
        """All groups, the most recently used last."""
        return list(self._groups.values())

    def _path(self, tokens: Sequence[str]) -> Path:
        path: Path = (len(tokens),)
        for token in tokens[: self.depth]:
            path = (*path, self._branch(path, token))
        return path

    def _branch(self, path: Path, token: str) -> str:
        known = self._children.setdefault(path, set())
        if not is_word(token) or (token not in known and len(known) >= self.fan_out):
            return WILD
        known.add(token)
        return token

    def _similar(self, leaf: Leaf, tokens: Sequence[str]) -> Group | None:
        best, closest = None, -1.0
        apart: dict[
            tuple[int, ...], Leaf
        ] = {}  # groups by where a word of theirs is another than the message's
        for group in leaf:
            share, words = _compare(group.tokens, tokens)
            if share < self.similarity:
                continue
            if words:
                apart.setdefault(words, []).append(group)
            elif share > closest:
                best, closest = group, share
        if best is None:
            many = [groups for groups in apart.values() if len(groups) >= self.variants - 1]
            best = self._merge(leaf, many[0]) if many else None
        if best is not None:
            best.tokens = _common(best.tokens, tokens)
        return best

    def _merge(self, leaf: Leaf, groups: Leaf) -> Group:
        into, *others = groups
        for other in others:
            into.tokens = _common(into.tokens, other.tokens)
            into.count += other.count
            other.merged = into
            leaf.remove(other)
            del self._groups[other.id]
        return into

    def _found(self, leaf: Leaf, path: Path, tokens: Sequence[str]) -> Group:
        group = Group(self._next, list(tokens), path)
        self._next += 1
        leaf.append(group)
        self._groups[group.id] = group
        if len(leaf) > self.max_leaf:
            self._forget(leaf[0])
        elif len(self._groups) > self.max_groups:
            self._forget(next(iter(self._groups.values())))
        return group

    def _forget(self, group: Group) -> None:
        del self._groups[group.id]
        leaf = self._leaves[group.path]
        leaf.remove(group)
        if not leaf:
            del self._leaves[group.path]


def is_word(token: str) -> bool:
    """Whether a token looks constant: no digit and no wildcard in it."""
    return WILD not in token and not any(c.isdigit() for c in token)


def _compare(template: Sequence[str], tokens: Sequence[str]) -> tuple[float, tuple[int, ...]]:
    """The share of the template's constant tokens that are the message's, and where two different words stand."""
    same = constant = 0
    words = []
    for position, (mine, theirs) in enumerate(zip(template, tokens, strict=True)):
        if mine == WILD:
            continue
        constant += 1
        if mine == theirs:
            same += 1
        elif is_word(mine) and is_word(theirs):
            words.append(position)
    return (same / constant if constant else 1.0), tuple(words)


def _common(template: Sequence[str], tokens: Sequence[str]) -> list[str]:
    return [mine if mine == theirs else WILD for mine, theirs in zip(template, tokens, strict=True)]
