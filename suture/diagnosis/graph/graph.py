"""Walking the edges: what influences an object, nearest first, and whom an object takes down."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from suture.diagnosis.graph.edges import Edge, Flow, Reach, flow_of
from suture.domain.target import ObjectRef

UNLIMITED = 1_000_000


class _Step(NamedTuple):
    """One edge seen from one of its ends; `up` leads from its target to its source."""

    edge: Edge
    to: ObjectRef
    up: bool
    flow: Flow

    @property
    def influences(self) -> bool:
        """Whether where it leads to influences where it comes from."""
        return self.flow.to_target if self.up else self.flow.to_source

    @property
    def is_influenced(self) -> bool:
        return self.flow.to_source if self.up else self.flow.to_target


class Graph:
    """The edges of a snapshot. `workloads` are the top owners among its objects."""

    def __init__(self, edges: Iterable[Edge], workloads: Iterable[ObjectRef] = ()) -> None:
        self.edges: list[Edge] = list(dict.fromkeys(edges))
        self.workloads: frozenset[ObjectRef] = frozenset(workloads)
        self._steps: dict[ObjectRef, list[_Step]] = defaultdict(list)
        for edge in self.edges:
            flow = flow_of(edge.relation)
            self._steps[edge.source].append(_Step(edge, edge.target, False, flow))
            self._steps[edge.target].append(_Step(edge, edge.source, True, flow))

    def around(self, ref: ObjectRef, depth: int = 4) -> dict[ObjectRef, Reach]:
        """Everything that can influence the object within `depth`, nearest first; itself at distance 0.

        Targets that do not exist are included: something refers to them in vain.
        """
        return dict(self._walk(ref, depth, outwards=True))

    def dependents(self, ref: ObjectRef, calls: bool = False) -> list[ObjectRef]:
        """The top-owner workloads that are affected when the object is broken, nearest first.

        With `calls` also those that call an affected workload.
        """
        reached = self._walk(ref, UNLIMITED, outwards=False, calls=calls)
        return [found for found, _ in reached if found in self.workloads]

    def touching(self, ref: ObjectRef) -> list[Edge]:
        """The edges that begin or end at the object."""
        return [s.edge for s in self._steps.get(ref, ())]

    def _walk(
        self, start: ObjectRef, depth: int, outwards: bool, calls: bool = True
    ) -> Iterator[tuple[ObjectRef, Reach]]:
        """Dijkstra's search. An object is never left by the relation that it was entered by, turned round: what a
        Service in front of one workload selects besides does not concern that workload.
        """
        order = count()
        heap: list[tuple[int, int, ObjectRef, Reach, _Step | None]] = []
        heapq.heappush(heap, (0, next(order), start, Reach(0, (), str(start)), None))
        found: set[ObjectRef] = set()
        entered: set[tuple[ObjectRef, str, bool]] = set()
        while heap:
            distance, _, here, reach, last = heapq.heappop(heap)
            mark = (here, last.flow.family if last else "", last.up if last else False)
            if mark in entered:
                continue
            entered.add(mark)
            if here not in found:
                found.add(here)
                yield here, reach
            for step in self._steps.get(here, ()):
                if not _goes_on(step, last, outwards, calls) or distance + step.flow.weight > depth:
                    continue
                further = _further(reach, step)
                heapq.heappush(heap, (further.distance, next(order), step.to, further, step))


def _goes_on(step: _Step, last: _Step | None, outwards: bool, calls: bool) -> bool:
    turned = last is not None and last.flow.family == step.flow.family and last.up != step.up
    if turned or (not calls and step.edge.relation == "calls"):
        return False
    return step.influences if outwards else step.is_influenced


def _further(reach: Reach, step: _Step) -> Reach:
    told = f"{reach.sentence}; {step.edge}" if reach.path else str(step.edge)
    return Reach(reach.distance + step.flow.weight, (*reach.path, step.edge), told)
