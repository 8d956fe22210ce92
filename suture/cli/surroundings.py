"""The tree of `suture why`: an object's dependencies, with what concerns nobody folded away.

Pods and the controllers between show as one line of numbers, further workloads and built-in roles only where
something is wrong or has changed; `--all` unfolds everything.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from suture.cli.causes import Answer
from suture.cli.output import age
from suture.diagnosis.fields import labels
from suture.diagnosis.graph import Edge
from suture.diagnosis.pods import is_ready
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef

NEAR: Final = 2  # distance up to which everything shows
MOST_PODS: Final = 3  # in trouble, shown one by one
_BETWEEN: Final = ("ReplicaSet", "Job")
_BUILT_IN: Final = "kubernetes.io/bootstrapping"


@dataclass
class Branch:
    """One line of the tree; `bad` and `new` decide its colour."""

    text: str
    bad: bool = False
    new: bool = False
    children: list[Branch] = field(default_factory=list)


def tree(answer: Answer, everything: bool = False) -> Branch:
    """The surroundings of the object, nearest first."""
    return _Tree(answer, everything).build()


class _Tree:
    def __init__(self, answer: Answer, everything: bool) -> None:
        self._answer = answer
        self._everything = everything
        self._changed = {c.object: c for c in reversed(answer.changes)}
        self._broken = {r for e in answer.broken for r in (e.source, e.target)}
        self._below: dict[ObjectRef, list[ObjectRef]] = {}
        for ref, reach in answer.around.items():
            if reach.path:
                last = reach.path[-1]
                self._below.setdefault(last.source if last.target == ref else last.target, []).append(ref)

    def build(self) -> Branch:
        root = self._branch(self._answer.ref, None)
        root.children = list(self._children(self._answer.ref))
        return root

    def _children(self, ref: ObjectRef) -> Iterator[Branch]:
        below = self._below.get(ref, [])
        pods = [] if self._everything else [*self._pods(below)]
        for child in below:
            if self._folded(child) or child in pods:
                continue
            branch = self._branch(child, self._answer.around[child].path[-1])
            branch.children = list(self._children(child))
            if branch.children or self._shows(child):
                yield branch
        yield from self._of_pods(pods)

    def _pods(self, below: Iterable[ObjectRef]) -> Iterator[ObjectRef]:
        """The pods right below and those behind a controller between."""
        for child in below:
            if child.kind == "Pod":
                yield child
            elif self._folded(child):
                yield from self._pods(self._below.get(child, []))

    def _folded(self, ref: ObjectRef) -> bool:
        return (
            not self._everything
            and ref.kind in _BETWEEN
            and self._answer.around[ref].path[-1].relation == "owns"
        )

    def _shows(self, ref: ObjectRef) -> bool:
        if self._everything or self._is_marked(ref):
            return True
        manifest = self._answer.snapshot.find(ref)
        near = self._answer.around[ref].distance <= NEAR
        return near and _BUILT_IN not in labels(manifest) and self._built_for(ref)

    def _built_for(self, ref: ObjectRef) -> bool:
        """Built-in bindings and everybody's rights say nothing about this object."""
        return ref.kind not in ("ClusterRole", "Namespace") or bool(self._answer.around[ref].path[-1].note)

    def _is_marked(self, ref: ObjectRef) -> bool:
        return ref in self._broken or ref in self._changed or ref in self._answer.trouble

    def _branch(self, ref: ObjectRef, edge: Edge | None) -> Branch:
        told = [_in_words(ref, edge, self._answer.ref.namespace)]
        symptoms = self._answer.trouble.get(ref, [])
        told += dict.fromkeys(f"! {s.message or s.reason}" for s in symptoms if ref in (s.object, s.owner))
        change = self._changed.get(ref)
        if change:
            told.append(f"* changed {age(change.at)} ago{f' by {change.by}' if change.by else ''}")
        bad = bool(symptoms) or (edge is not None and not edge.ok)
        return Branch("  ".join(told[:3]), bad=bad, new=change is not None)

    def _of_pods(self, pods: list[ObjectRef]) -> Iterator[Branch]:
        if not pods:
            return
        manifests = {p: m for p in pods if (m := self._answer.snapshot.find(p))}
        yield Branch(_counted(manifests), children=list(self._troubled(pods)))

    def _troubled(self, pods: list[ObjectRef]) -> Iterator[Branch]:
        bad = [p for p in pods if self._is_marked(p)]
        for pod in bad[:MOST_PODS]:
            yield self._branch(pod, None)
        if len(bad) > MOST_PODS:
            yield Branch(f"and {len(bad) - MOST_PODS} more in trouble", bad=True)
        nodes = dict.fromkeys(n for p in pods for n in self._below.get(p, []) if n.kind == "Node")
        for node in nodes:
            if self._is_marked(node):
                yield self._branch(node, self._answer.around[node].path[-1])


def _counted(pods: dict[ObjectRef, Manifest]) -> str:
    ready = sum(map(is_ready, pods.values()))
    nodes = Counter(n for p in pods.values() if (n := (p.get("spec") or {}).get("nodeName")))
    where = f" on {', '.join(list(nodes)[:3])}{f' and {len(nodes) - 3} more' if len(nodes) > 3 else ''}"
    return f"{len(pods)} pod{'s' if len(pods) != 1 else ''}, {ready} ready{where if nodes else ''}"


def _in_words(ref: ObjectRef, edge: Edge | None, namespace: str) -> str:
    """The object as its parent's edge speaks of it; the namespace only where it is another one."""
    name = f"{ref.kind}/{ref.name}" if ref.namespace in ("", namespace) else str(ref)
    if edge is None:
        return name
    words = "lets it in" if edge.relation == "lets in" else f"{edge.relation} it"
    told = f"{edge.relation} {name}" if edge.target == ref else f"{name} {words}"
    return f"{told} ({edge.note})" if edge.note else told


def show(root: Branch) -> None:
    """A tree with colours on a terminal, indented lines elsewhere."""
    if not sys.stdout.isatty():
        for line in lines(root):
            print(line)
        return
    from rich.console import Console
    from rich.tree import Tree

    def grow(branch: Branch, into: Tree) -> Tree:
        for child in branch.children:
            grow(child, into.add(_coloured(child)))
        return into

    Console(highlight=False).print(grow(root, Tree(_coloured(root))))


def _coloured(branch: Branch) -> str:
    from rich.markup import escape

    style = "red" if branch.bad else "yellow" if branch.new else ""
    return f"[{style}]{escape(branch.text)}[/]" if style else escape(branch.text)


def lines(branch: Branch, depth: int = 0) -> Iterator[str]:
    """The tree as plain text, two spaces a level."""
    yield "  " * depth + branch.text
    for child in branch.children:
        yield from lines(child, depth + 1)
