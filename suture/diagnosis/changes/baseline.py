"""Which recorded state of an object was the last good one.

Good is the newest state that was in effect while the target was healthy for a while, up to when its trouble began.
"A while" is relative: at least half of the longest healthy time of any earlier state, and a minute is always
enough. So neither a failed attempt of a moment nor the intermediate step of a longer change is taken for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from suture.diagnosis.changes.delta import Delta, deltas
from suture.diagnosis.changes.history import Period, State
from suture.diagnosis.changes.noise import relevant

ENOUGH = 60.0
LEAST = 5.0  # what stood for less has not shown that it is good
SHARE = 0.5


@dataclass(frozen=True)
class Deviation:
    """An object that is not as it was: `good` is the last good state, `first` the first after it, `now` the newest."""

    good: State
    first: State
    now: State
    changes: tuple[Delta, ...]

    @property
    def deleted(self) -> bool:
        return self.now.content is None


def deviations(states: Sequence[State], healthy: Sequence[Period], until: datetime) -> Iterator[Deviation]:
    """The difference to the last good state, then to an earlier good one (in case that one was not good after all)."""
    if len(states) < 2:
        return
    times = [_good_time(states, i, healthy, until) for i in range(len(states) - 1)]
    if not any(times):  # healthy at other times only: then how long it stood has to do
        times = [_good_time(states, i, (), until) for i in range(len(states) - 1)]
    enough = min(ENOUGH, SHARE * max(times))
    found = 0
    for i in range(len(states) - 2, -1, -1):
        made = _deviation(states, i) if times[i] >= max(LEAST, enough) else None
        if made:
            yield made
            found += 1
        if found == 2:
            return


def _good_time(states: Sequence[State], i: int, healthy: Sequence[Period], until: datetime) -> float:
    """Seconds for which a state was in effect while the target was healthy (in effect at all, if nothing is known)."""
    if states[i].content is None:
        return 0.0
    start, end = states[i].at, min(states[i + 1].at, until)
    if not healthy:
        return max(0.0, (end - start).total_seconds())
    # What the ledger saw first had been there before.
    return sum(p.overlap(start if i else None, end) for p in healthy)


def _deviation(states: Sequence[State], i: int) -> Deviation | None:
    good, now = states[i], states[-1]
    first = states[i + 1]
    if good.content is None or not good.restorable:
        return None
    if now.content is None:
        return Deviation(good, first, now, ())
    changes = tuple(deltas(relevant(good.content), relevant(now.content)))
    return Deviation(good, first, now, changes) if changes else None


def turned(states: Sequence[State], d: Deviation, undo: Sequence[Delta]) -> State:
    """The state in which these fields became what they are now: other changes may lie between it and the good one."""
    found = d.now
    for state in reversed(states[:-1]):
        if state is d.good or (state.content is None) is not d.deleted or _differs(state, d.now, undo):
            break
        found = state
    return found


def _differs(a: State, b: State, undo: Sequence[Delta]) -> bool:
    """Whether one of these fields (or a part of it, or what it is a part of) is not the same in both."""
    if a.content is None or b.content is None:
        return a.content is not b.content
    here = [c.path for c in deltas(relevant(a.content), relevant(b.content))]
    return any(p[: len(c.path)] == c.path[: len(p)] for p in here for c in undo)
