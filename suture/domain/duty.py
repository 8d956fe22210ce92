"""Weekly windows with a time zone: when somebody is on duty. Times are wall-clock times of the zone, summer time included."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from suture.domain.zones import TimeZone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW = re.compile(r"^([a-z]{3})(?:-([a-z]{3}))?(?: +(\d\d):(\d\d) *- *(\d\d):(\d\d))?$")
Window = tuple[frozenset[int], int, int]  # weekdays (0 is Monday), minutes from midnight: from, to


class Calendar(BaseModel):
    """Windows such as "mon-fri 09:00-17:00", "sat" (all day), or "fri 22:00-06:00" (into the next day)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: TimeZone = Field(default="UTC", description="an IANA time zone, for example Europe/Berlin")
    windows: list[str] = Field(min_length=1, max_length=20)

    @field_validator("windows")
    @classmethod
    def _readable(cls, windows: list[str]) -> list[str]:
        for window in windows:
            parse(window)
        return windows

    def open(self, at: datetime) -> bool:
        """Whether a moment lies in one of the windows."""
        local = at.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        return any(_within(parse(w), local.weekday(), minute) for w in self.windows)

    def opens(self, at: datetime) -> datetime:
        """The first moment from `at` on that lies in a window."""
        if self.open(at):
            return at
        zone = ZoneInfo(self.zone)
        today = at.astimezone(zone).date()
        found = []
        for ahead in range(9):  # a window opens within a week; a clock change may skip the first
            day = today + timedelta(days=ahead)
            for days, begins, _ in map(parse, self.windows):
                if day.weekday() in days:
                    local = datetime.combine(day, time(begins // 60, begins % 60), zone)
                    found.append(local.astimezone(UTC))
        return min(m for m in found if m > at)


@lru_cache(maxsize=256)
def parse(window: str) -> Window:
    """Read one window; raises ValueError that says how to write one."""
    found = _WINDOW.match(window.strip().lower())
    names = [n for n in (found[1], found[2]) if n] if found else []
    if found is None or any(n not in DAYS for n in names):
        raise ValueError(f"{window!r} is no window: write for example mon-fri 09:00-17:00")
    first, last = DAYS.index(names[0]), DAYS.index(names[-1])
    days = frozenset((first + n) % 7 for n in range((last - first) % 7 + 1))
    if found[3] is None:
        return days, 0, 24 * 60
    begins, ends = (int(found[n]) * 60 + int(found[n + 1]) for n in (3, 5))
    if begins >= 24 * 60 or ends > 24 * 60 or int(found[4]) > 59 or int(found[6]) > 59 or begins == ends:
        raise ValueError(f"{window!r} is no window: times go from 00:00 to 24:00")
    return days, begins, ends


def _within(window: Window, weekday: int, minute: int) -> bool:
    days, begins, ends = window
    if begins < ends:
        return weekday in days and begins <= minute < ends
    return (weekday in days and minute >= begins) or ((weekday - 1) % 7 in days and minute < ends)
