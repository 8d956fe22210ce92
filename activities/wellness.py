"""Keep when objects were healthy, in memory and, at each change, in the database.

Restarts forget nothing: an open period goes on when the object still is healthy at the first look, and else ends when
the watch was last there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime

from suture.domain.target import ObjectRef
from suture.ports import HealthPeriod, History

SAY_SO = 30.0  # seconds between notes that nothing has changed
KEPT_PERIODS = 8


class Wellness:
    """The healthy periods of one cluster's objects, as one watch sees them."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._periods: dict[ObjectRef, list[HealthPeriod]] = {}
        self._looked: set[ObjectRef] = set()
        self._changed: set[ObjectRef] = set()
        self._seen_before: datetime | None = None
        self._said = 0.0

    async def load(self) -> None:
        """Read what an earlier watch has kept. Raises Unavailable."""
        self._periods = await self._history.health()
        self._seen_before = await self._history.seen_at()

    def saw(self, ref: ObjectRef, well: bool, now: datetime) -> None:
        """Note an object's health at this moment."""
        periods = self._periods.setdefault(ref, [])
        is_open = bool(periods) and periods[-1].until is None
        first = ref not in self._looked
        self._looked.add(ref)
        if well and not is_open:
            periods.append(HealthPeriod(since=now))
        elif not well and is_open:
            end = min(self._seen_before or now, now) if first else now
            periods[-1] = periods[-1].model_copy(update={"until": max(end, periods[-1].since)})
        else:
            return
        del periods[:-KEPT_PERIODS]
        self._changed.add(ref)

    def gone(self, refs: Iterable[ObjectRef], now: datetime) -> None:
        """Objects that do not exist any more were healthy until now at most."""
        for ref in refs:
            if ref in self._periods:
                self.saw(ref, False, now)

    async def keep(self, now: datetime) -> None:
        """Write what has changed, and now and then that the watch is there. Raises Unavailable."""
        if not self._changed and time.monotonic() - self._said < SAY_SO:
            return
        changed = {ref: list(self._periods[ref]) for ref in self._changed}
        await self._history.mark(changed, now)
        self._changed.difference_update(changed)
        self._said = time.monotonic()
