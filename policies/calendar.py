"""Change freezes that are known beforehand: one time, or every week, by the clocks of a time zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from suture.domain.zones import TimeZone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=7)
_WEEKLY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun) ([01]\d|2[0-3]):([0-5]\d)")


class WeekTime(BaseModel):
    """A time of each week on the wall clock: `minutes` since Monday 0:00."""

    model_config = ConfigDict(frozen=True)

    minutes: int = Field(ge=0, lt=7 * 24 * 60)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read "fri 16:00"; None when the text is something else."""
        found = _WEEKLY.fullmatch(text.strip().lower())
        if found is None:
            return None
        return cls(minutes=(DAYS.index(found[1]) * 24 + int(found[2])) * 60 + int(found[3]))


class Freeze(BaseModel):
    """A time in which only what a person approves may change anything. `from` counts, `until` does not any more.

    Both are moments ("2026-12-20T00:00", in the time zone unless they name an offset) or both are weekly ("fri 16:00").
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=128)
    reason: str = ""
    begins: datetime | WeekTime = Field(alias="from")
    ends: datetime | WeekTime = Field(alias="until")
    time_zone: TimeZone = "UTC"
    namespaces: list[str] = Field(default_factory=list, description="empty: all")

    @field_validator("begins", "ends", mode="before")
    @classmethod
    def _weekly(cls, value: Any) -> Any:
        return (WeekTime.parse(value) or value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if isinstance(self.begins, WeekTime) != isinstance(self.ends, WeekTime):
            raise ValueError("from and until must both be moments, or both weekly like 'fri 16:00'")
        if isinstance(self.begins, datetime) and isinstance(self.ends, datetime):
            if self._local(self.begins) >= self._local(self.ends):
                raise ValueError("until must come after from")
        elif self.begins == self.ends:
            raise ValueError("until must differ from from: for always, use the switch `suture freeze`")
        return self

    def _local(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.time_zone))

    def active(self, now: datetime, namespace: str) -> bool:
        """Whether it holds at this (aware) moment in a namespace."""
        if self.namespaces and namespace not in self.namespaces:
            return False
        if isinstance(self.begins, WeekTime) and isinstance(self.ends, WeekTime):
            local = now.astimezone(ZoneInfo(self.time_zone))
            at = (local.weekday() * 24 + local.hour) * 60 + local.minute
            first, last = self.begins.minutes, self.ends.minutes
            return first <= at < last if first < last else at >= first or at < last
        assert isinstance(self.begins, datetime) and isinstance(self.ends, datetime)  # noqa: S101 - validated
        return self._local(self.begins) <= now < self._local(self.ends)

    def describe(self) -> str:
        """One line for people."""
        return f"change freeze {self.name} of the calendar" + (f": {self.reason}" if self.reason else "")
