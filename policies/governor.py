"""Whose turn it is: pure decisions over limits, what is used of them, and who waits. The state itself is the database's.

A turn needs one of every limit it falls under: a slot, a slot of its namespace, the lock of each object it touches, its
share of each rate. It gets all of them at once or none, so nobody holds one thing while waiting for another, and no two
can wait for each other. The queue is walked in order of severity, then of age: what holds back an earlier one is closed
for all behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policies.limits import COOLDOWN, LOCK, RATE, SLOTS, Limits
from suture.domain.governor import Admission, AdmissionState, Standing, Switch, SwitchKind, Turn

TIMED = (RATE, COOLDOWN)  # what time alone gives back


@dataclass(frozen=True, slots=True)
class Place:
    """One who holds a turn or waits for it. `blocked` are the timed limits that hold it back until `not_before`."""

    holder: str
    incident_id: str
    plan: str
    rank: int  # of the severity
    since: datetime
    held: bool
    needs: Mapping[str, int]
    blocked: frozenset[str] = frozenset()
    not_before: datetime | None = None

    @property
    def order(self) -> tuple[int, datetime, str]:
        """The most severe first, then the one that has waited longest."""
        return (-self.rank, self.since, self.holder)


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a timed limit is used, and when the first part of it comes back."""

    count: int
    frees_at: datetime


Usage = Mapping[str, Used]
NOTHING: Usage = {}


@dataclass(frozen=True, slots=True)
class Facts:
    """What one decision is made from. `budget_left` counts automatic changes."""

    now: datetime
    standing: Standing
    budget_left: int
    places: Sequence[Place] = ()
    used: Usage = field(default_factory=dict)


def standing(
    limits: Limits, switches: Iterable[Switch], budget_used: int, namespace: str, now: datetime
) -> Standing:
    """How things stand for a namespace at this moment."""
    thrown = [s for s in switches if s.active(now) and s.covers(namespace)]
    said = {kind: "; ".join(s.describe() for s in thrown if s.kind is kind) for kind in SwitchKind}
    calendar = "; ".join(f.describe() for f in limits.freezes if f.active(now, namespace))
    spent = budget_used >= limits.daily_budget
    return Standing(
        stopped=said[SwitchKind.STOP],
        frozen="; ".join(t for t in (said[SwitchKind.FREEZE], calendar) if t),
        maintenance=said[SwitchKind.MAINTENANCE],
        storm=said[SwitchKind.STORM],
        exhausted=f"the day's budget of {limits.daily_budget} automatic changes is used up" if spent else "",
    )


def proceed(facts: Facts, turn: Turn, retry_seconds: float) -> Admission | None:
    """What is asked at every single change, also between the actions of one plan; None when nothing speaks against it."""
    if facts.standing.stopped:
        return Admission(
            state=AdmissionState.STOPPED, reasons=[facts.standing.stopped], retry_seconds=retry_seconds
        )
    if turn.undo or turn.by_person:
        return None
    # the budget is not asked again: a plan that has begun took its share at once
    asks = facts.standing.model_copy(update={"exhausted": ""}).asks
    return Admission(state=AdmissionState.ASK, reasons=asks) if asks else None


def begin(limits: Limits, facts: Facts, turn: Turn, own: Place) -> tuple[Admission, Place]:
    """Whether a plan may begin, and the asker's place from now on. `facts.places` are the others."""
    retry = patience(limits, own.since, facts.now)
    held_back = proceed(facts, turn, retry) or _unaffordable(limits, facts, turn, own)
    if held_back:
        return held_back, own
    back = line_up(limits, [*facts.places, own], facts.used, facts.now, own.holder)[own.holder]
    if not back:
        return Admission(state=AdmissionState.GRANTED), own
    room = _Room(limits, (), facts.used)
    timed = frozenset(n for n in back if n in own.needs and room.is_full(n, own.needs[n]))
    until = max((facts.used[n].frees_at for n in timed), default=None)
    if until is not None:
        retry = min(max((until - facts.now).total_seconds(), 1.0), limits.last_retry_seconds)
    reasons = sorted({explain(limits, n, facts.places) for n in back})
    waiting = Place(
        own.holder, own.incident_id, own.plan, own.rank, own.since, False, own.needs, timed, until
    )
    return Admission(state=AdmissionState.WAIT, reasons=reasons, retry_seconds=retry), waiting


def _unaffordable(limits: Limits, facts: Facts, turn: Turn, own: Place) -> Admission | None:
    """What no waiting would give an automatic plan: more than a limit allows in all, or than the day has left."""
    if turn.by_person:
        return None
    reasons = [
        f"the plan alone needs {n} where {words(name)} allows {limits.capacity(name)}"
        for name, n in own.needs.items()
        if n > limits.capacity(name)
    ]
    if len(turn.kinds) > facts.budget_left:
        reasons.append(f"the day's budget of {limits.daily_budget} automatic changes is used up")
    return Admission(state=AdmissionState.ASK, reasons=reasons) if reasons else None


def line_up(
    limits: Limits, places: Sequence[Place], used: Usage, now: datetime, last: str = ""
) -> dict[str, frozenset[str]]:
    """For each who waits (up to `last`), the limits that hold it back now; none means that it is its turn.

    One who only waits for what others hold keeps its share of everything else, so that no stream of later ones can
    starve it; one who waits for time to pass leaves the rest to others meanwhile.
    """
    room = _Room(limits, places, used)
    closed: set[str] = set()
    result: dict[str, frozenset[str]] = {}
    for p in sorted((p for p in places if not p.held), key=lambda p: p.order):
        back = {name for name, n in p.needs.items() if name in closed or not room.has(name, n)}
        timed = p.not_before is not None and p.not_before > now
        if timed:
            back |= p.blocked
        result[p.holder] = frozenset(back)
        if p.holder == last:
            break
        closed |= back
        if not timed and not any(room.is_full(name, p.needs[name]) for name in back):
            room.take(p.needs)
    return result


class _Room:
    """How much of each limit is left while the queue is walked."""

    def __init__(self, limits: Limits, places: Sequence[Place], used: Usage) -> None:
        self._limits = limits
        self._capacity: dict[str, int] = {}
        self._used = {name: u.count for name, u in used.items()}
        self._taken: dict[str, int] = {}
        for p in places:
            if p.held:
                self.take({name: n for name, n in p.needs.items() if not name.startswith(TIMED)})

    def take(self, needs: Mapping[str, int]) -> None:
        for name, n in needs.items():
            self._taken[name] = self._taken.get(name, 0) + n

    def has(self, name: str, need: int) -> bool:
        return self._fits(name, need, self._taken.get(name, 0))

    def is_full(self, name: str, need: int) -> bool:
        """Whether a timed limit holds it back by what is used of it, whoever else waits."""
        return name in self._used and name.startswith(TIMED) and not self._fits(name, need, 0)

    def _fits(self, name: str, need: int, taken: int) -> bool:
        capacity = self._capacity.get(name)
        if capacity is None:
            capacity = self._capacity[name] = self._limits.capacity(name)
        # a plan that needs more than there is in all (a person wants it) fits when nothing else is used
        return taken + self._used.get(name, 0) + min(need, capacity) <= capacity


def patience(limits: Limits, since: datetime, now: datetime) -> float:
    """Seconds until a waiting incident asks again by itself: a quarter of what it has waited, within the limits."""
    waited = (now - since).total_seconds()
    return min(max(limits.first_retry_seconds, waited / 4), limits.last_retry_seconds)


def words(name: str) -> str:
    """A limit's name for people."""
    what, _, value = name.partition(":")
    if what == SLOTS:
        return (
            f"the number of incidents that act at once in {value}"
            if value
            else "the number of incidents that act at once"
        )
    if what == RATE:
        per, seconds, of = value.split(":", 2)
        return f"the rate per {per} ({of} in {timedelta(seconds=float(seconds))})"
    return f"the {what} of {value}"


def explain(limits: Limits, name: str, places: Sequence[Place]) -> str:
    """Why a limit holds somebody back."""
    what, _, value = name.partition(":")
    holders = [p for p in places if p.held and name in p.needs]
    if what == LOCK:
        return (
            f"{value} is in the hands of {holders[0].holder}"
            if holders
            else f"another waits for {value} before"
        )
    if what == COOLDOWN:
        return f"{value} was changed a moment ago for another incident"
    if what == SLOTS and len(holders) >= limits.capacity(name):
        where = f" in {value}" if value else ""
        return f"{len(holders)} incidents act{where} already"
    if what == SLOTS:
        return f"more severe or older incidents come first for {words(name)}"
    return f"{words(name)} is used up: {limits.capacity(name)} changes"
