"""Who is called when, while nobody answers: the ladder of levels, and where an escalation stands on it. Decisions only; the
workflow keeps the time.

The default numbers are those of the platform's runbook: L1 on-call engineer at once, L2 engineering manager after 15
minutes, L3 VP engineering after 30, L4 CTO after 60.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from suture.domain.duty import Calendar
from suture.domain.stages import Severity

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(value: Any) -> Any:
    """A length of time: a number of seconds, or for example 90s, 15m, 4h, 2d. Raises ValueError with how to write one.

    >>> seconds("15m"), seconds(20)
    (900, 20)
    """
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+)\s*([smhd])", value.strip())
    if found is None:
        raise ValueError(f"{value!r} is no length of time: write for example 90s, 15m or 4h")
    return int(found[1]) * _UNITS[found[2]]


Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=31 * 86400)]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=64)]


class Level(BaseModel):
    """Somebody to call, `after` seconds from the beginning.

    `during` names the calendar in which they are on duty: outside of it `otherwise` are called instead, or, when that is
    empty, the level waits until the calendar opens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    who: str = Field(default="", max_length=128)
    after: Seconds = 0
    contacts: list[Name] = Field(default_factory=list, max_length=20)
    during: str = ""
    otherwise: list[Name] = Field(default_factory=list, max_length=20)

    @property
    def title(self) -> str:
        return f"{self.name} ({self.who})" if self.who else self.name


class Ladder(BaseModel):
    """The levels and the rules of calling. It travels with each incident, so that replay never depends on today's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: list[Level] = Field(min_length=1, max_length=10)
    stops: dict[Severity, str] = Field(
        default_factory=dict, description="the last level that is called, by severity; else the last of all"
    )
    calendars: dict[str, Calendar] = Field(default_factory=dict, max_length=20)
    anytime: list[Severity] = Field(
        default=[Severity.CRITICAL], description="severities for which no calendar delays a level"
    )
    first_delay: Seconds = Field(default=0, description="nobody is called before")
    min_reports: int = Field(
        default=1, ge=1, description="nobody is called before so many reports came, or L2's turn"
    )
    resend: Seconds = Field(default=0, description="how often the last level is called again; 0: never")
    resends: int = Field(default=8, ge=0, le=100, description="how many times at most")
    ack_lasts: Seconds = Field(default=4 * 3600, gt=0, description="how long an acknowledgement counts")
    look_every: Seconds = Field(
        default=300, gt=0, description="how often it is looked whether an ended incident's target is healthy"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Ladder:
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise ValueError("two levels have the same name")
        if [level.after for level in self.levels] != sorted(level.after for level in self.levels):
            raise ValueError("the levels must be in the order of their times (after)")
        unknown = [n for n in self.stops.values() if n not in names]
        unknown += [x.during for x in self.levels if x.during and x.during not in self.calendars]
        if unknown:
            raise ValueError(f"nothing is named {', '.join(unknown)}")
        return self

    def within(self, severity: Severity, first: str = "") -> list[Level]:
        """The levels that are called for a severity, from the level `first` on (at least that one)."""
        names = [level.name for level in self.levels]
        start = names.index(first) if first in names else 0
        stop = names.index(self.stops[severity]) if severity in self.stops else len(names) - 1
        return self.levels[start : max(start, stop) + 1]

    @property
    def mute(self) -> bool:
        """Whether no level has anybody who could be told."""
        return not any(level.contacts or level.otherwise for level in self.levels)


class Told(BaseModel):
    """A level that was called. `result` is empty while the messages are under way; `repeat` counts the calls of a level."""

    level: str
    title: str
    repeat: int = 0
    at: datetime
    contacts: list[str] = Field(default_factory=list)
    result: str = ""

    def step(self, escalation: str) -> str:
        """The name of this step inside the incident: nobody is told the same step twice."""
        return f"{escalation}/{self.level}/{self.repeat}"


class Acknowledgement(BaseModel):
    """Who has taken the incident on, and until when that counts."""

    model_config = ConfigDict(frozen=True)

    by: str
    at: datetime
    until: datetime


class Escalation(BaseModel):
    """One way up the ladder: about a question (`q2`), or about an incident that has ended without help (`end`).

    `still` is how many seconds it stood still, because somebody had acknowledged; `over` says why it has ended.
    """

    name: str
    began: datetime
    first: str = ""
    told: list[Told] = Field(default_factory=list)
    acknowledged: Acknowledgement | None = None
    still: float = 0.0
    resumed_at: datetime | None = None
    over: str = ""

    @property
    def level(self) -> str:
        """Who was called last."""
        return self.told[-1].level if self.told else ""

    def acknowledge(self, by: str, now: datetime, lasts: float) -> None:
        """Stand still; a second acknowledgement takes over and lasts anew."""
        self._count_still(now)
        self.acknowledged = Acknowledgement(by=by, at=now, until=now + timedelta(seconds=lasts))

    def resume(self, now: datetime) -> None:
        """Go on where it stood: the clock has not moved meanwhile."""
        self._count_still(now)
        self.acknowledged, self.resumed_at = None, now

    def _count_still(self, now: datetime) -> None:
        if self.acknowledged:
            self.still += (now - self.acknowledged.at).total_seconds()


class Step(BaseModel):
    """Which level is called next, when, and whom that reaches at that moment."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    level: Level
    repeat: int = 0
    contacts: list[str] = Field(default_factory=list)

    @property
    def told(self) -> Told:
        """The entry of a step that is taken."""
        return Told(
            level=self.level.name,
            title=self.level.title,
            repeat=self.repeat,
            at=self.at,
            contacts=self.contacts,
        )


def next_step(
    ladder: Ladder, state: Escalation, severity: Severity, reports: int, now: datetime
) -> Step | None:
    """The earliest call that is still to be made; None when nobody is left to call, or somebody has acknowledged."""
    if state.over or state.acknowledged:
        return None
    steps = [*_new(ladder, state, severity, reports, now), *_again(ladder, state, severity, now)]
    return min(steps, key=lambda s: s.at, default=None)


def _new(
    ladder: Ladder, state: Escalation, severity: Severity, reports: int, now: datetime
) -> Iterator[Step]:
    levels = ladder.within(severity, state.first)
    called = {told.level for told in state.told}
    for number, level in enumerate(levels):
        if level.name in called:
            continue
        wait = level.after - levels[0].after
        if not state.told:
            wait = max(wait, ladder.first_delay)
            if number == 0 and reports < ladder.min_reports and len(levels) > 1:
                wait = max(wait, levels[1].after - levels[0].after)
        at = state.began + timedelta(seconds=wait + state.still)
        yield _on_duty(ladder, level, severity, max(at, now))


def _again(ladder: Ladder, state: Escalation, severity: Severity, now: datetime) -> Iterator[Step]:
    """The last level once more: after a while, and at once when an acknowledgement was taken back or ran out."""
    if not state.told:
        return
    last = state.told[-1]
    level = next((x for x in ladder.levels if x.name == last.level), None)
    fallen = state.resumed_at is not None and state.resumed_at > last.at
    due = ladder.resend and last.repeat < ladder.resends
    if level is not None and (fallen or due):
        at = state.resumed_at if fallen and state.resumed_at else last.at + timedelta(seconds=ladder.resend)
        step = _on_duty(ladder, level, severity, max(at, now))
        yield step.model_copy(update={"repeat": last.repeat + 1})


def _on_duty(ladder: Ladder, level: Level, severity: Severity, at: datetime) -> Step:
    """Whom the level reaches at a moment, or when it reaches somebody."""
    calendar = ladder.calendars.get(level.during)
    if calendar is None or severity in ladder.anytime or calendar.open(at):
        return Step(at=at, level=level, contacts=level.contacts)
    if level.otherwise:
        return Step(at=at, level=level, contacts=level.otherwise)
    return Step(at=calendar.opens(at), level=level, contacts=level.contacts)
