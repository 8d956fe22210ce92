"""The causal chain: which trouble came first, and which followed from it, also in other services.

An event follows from an earlier one when it names the earlier one's service, or both name the same address, path or service, or
both happened in one service, within `reach` seconds. Of several candidates the strongest tie wins, then the earliest: the first
cause explains more than what came in between. Without times, the order of the lines counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.logs.entities import Entities
from models.logs.severity import Severity

REACH = 300.0  # seconds between a cause and its consequence


@dataclass(slots=True)
class Event:
    """The first occurrence of a template of trouble in one service; `position` is its place in the stream."""

    position: int
    text: str
    severity: Severity
    families: tuple[str, ...]
    entities: Entities
    service: str = ""
    at: datetime | None = None
    count: int = 1
    template: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """`cause` is the index of the event that this one follows from (None: nothing known came before), `why` what ties them."""

    event: Event
    cause: int | None = None
    why: str = ""


def causal_chain(events: Sequence[Event], reach: float = REACH) -> list[Link]:
    """Events in the order in which they happened, each with its cause among those before it."""
    ordered = sorted(events, key=_when)
    return [Link(event, *_cause(ordered[:index], event, reach)) for index, event in enumerate(ordered)]


def first_cause(chain: Sequence[Link]) -> int | None:
    """The index of the event that most others follow from, directly or not; the earliest of equals. None for no events."""
    roots = [_root(chain, index) for index in range(len(chain))]
    return max(set(roots), key=lambda r: (roots.count(r), -r)) if roots else None


def _when(event: Event) -> tuple[float, int]:
    return (event.at.timestamp() if event.at else float("-inf"), event.position)


def _root(chain: Sequence[Link], index: int) -> int:
    while (cause := chain[index].cause) is not None:
        index = cause
    return index


def _cause(before: Sequence[Event], event: Event, reach: float) -> tuple[int | None, str]:
    best, strongest, why = None, 0, ""
    for index, earlier in enumerate(before):
        if earlier.at and event.at and (event.at - earlier.at).total_seconds() > reach:
            continue
        strength, reason = _tie(earlier, event)
        if strength > strongest:
            best, strongest, why = index, strength, reason
    return best, why


def _tie(earlier: Event, later: Event) -> tuple[int, str]:
    """How strongly two events belong together, and by what."""
    if earlier.service and earlier.service != later.service and earlier.service in later.entities.services:
        return 3, f"names {earlier.service}"
    if shared := earlier.entities.keys & later.entities.keys:
        return 2, f"shares {min(shared)}"
    if earlier.service == later.service:
        return 1, f"same service {later.service}" if later.service else "came before"
    return 0, ""
