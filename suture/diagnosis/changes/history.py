"""The past as the ledger tells it: states of objects in order, and when objects were healthy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef


@dataclass(frozen=True)
class State:
    """One recorded state of an object, in effect from `at` until the next one. `content` None: it was deleted."""

    id: str
    ref: ObjectRef
    uid: str
    at: datetime
    manager: str
    content: Manifest | None = field(repr=False)
    restorable: bool = True


@dataclass(frozen=True)
class Period:
    """A healthy time on end; `until` None: still, as far as is known."""

    since: datetime
    until: datetime | None = None

    def overlap(self, start: datetime | None, end: datetime) -> float:
        """Seconds of this period between two moments (`start` None: since ever)."""
        begin = max(self.since, start) if start else self.since
        return max(0.0, (min(self.until or end, end) - begin).total_seconds())


@dataclass(frozen=True)
class Past:
    """States by object, oldest first, of everything that changed lately, and the healthy periods of objects."""

    states: Mapping[ObjectRef, tuple[State, ...]] = field(default_factory=dict)
    health: Mapping[ObjectRef, tuple[Period, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, states: Iterable[State], health: Mapping[ObjectRef, Iterable[Period]] | None = None) -> Past:
        """Group states (each object's in order) by object."""
        grouped: dict[ObjectRef, list[State]] = defaultdict(list)
        for state in states:
            grouped[state.ref].append(state)
        return cls(
            {ref: tuple(found) for ref, found in grouped.items()},
            {ref: tuple(p) for ref, p in (health or {}).items()},
        )
