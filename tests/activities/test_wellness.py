"""Healthy periods survive restarts, and end when the watch was last there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from activities.wellness import Wellness
from suture.domain.target import ObjectRef
from suture.ports import HealthPeriod, Revision

T0 = datetime(2026, 1, 1, tzinfo=UTC)
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")


class Book:
    """A History that keeps periods in memory and counts writes."""

    def __init__(self) -> None:
        self.periods: dict[ObjectRef, list[HealthPeriod]] = {}
        self.seen: datetime | None = None
        self.writes = 0

    async def changed(self, namespace: str, since: datetime) -> list[Revision]:
        return []

    async def reconcile(self, present: Iterable[ObjectRef], at: datetime | None = None) -> int:
        return 0

    async def health(self, refs: Iterable[ObjectRef] | None = None) -> dict[ObjectRef, list[HealthPeriod]]:
        return {r: list(p) for r, p in self.periods.items()}

    async def mark(self, periods: Mapping[ObjectRef, Sequence[HealthPeriod]], seen_at: datetime) -> None:
        self.periods |= {r: list(p) for r, p in periods.items()}
        self.seen, self.writes = seen_at, self.writes + 1

    async def seen_at(self) -> datetime | None:
        return self.seen


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


async def test_a_period_is_written_when_it_begins_and_ends_only() -> None:
    book = Book()
    wellness = Wellness(book)
    for second in range(10):
        wellness.saw(WEB, second < 5, later(second))
        await wellness.keep(later(second))
    assert book.periods[WEB] == [HealthPeriod(since=later(0), until=later(5))]
    assert book.writes == 2


async def test_an_open_period_goes_on_after_a_restart() -> None:
    book = Book()
    first = Wellness(book)
    first.saw(WEB, True, later(0))
    await first.keep(later(0))
    second = Wellness(book)
    await second.load()
    second.saw(WEB, True, later(100))
    second.saw(WEB, False, later(110))
    await second.keep(later(110))
    assert book.periods[WEB] == [HealthPeriod(since=later(0), until=later(110))]


async def test_what_broke_while_the_watch_was_away_was_healthy_until_it_left() -> None:
    book = Book()
    first = Wellness(book)
    first.saw(WEB, True, later(0))
    await first.keep(later(50))
    second = Wellness(book)
    await second.load()
    second.saw(WEB, False, later(500))
    await second.keep(later(500))
    assert book.periods[WEB] == [HealthPeriod(since=later(0), until=later(50))]
