"""How much of each limit is used: counted from the durable record of what was done, in one statement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from policies.governor import Used
from policies.limits import COOLDOWN, RATE, Limits, rate_name
from suture.domain.governor import RateUse, Turn
from suture.memory.columns import UtcDateTime
from suture.memory.statements import table_of
from suture.memory.tables import GovernorChange, Incident

DAY = timedelta(hours=24)
BUDGET, STORM = "budget", "storm"
_c, _i = table_of(GovernorChange).c, table_of(Incident).c
_PER: Mapping[str, ColumnElement[Any]] = {
    "target": _c.target,
    "object": _c.object,
    "kind": _c.kind,
    "namespace": _c.namespace,
}


@dataclass(frozen=True)
class Usage:
    """What one turn has to know: its timed limits, automatic changes of the last 24 hours, and when the storm ends."""

    used: dict[str, Used] = field(default_factory=dict)
    budget: int = 0
    storm_until: datetime | None = None


class UsageReader:
    """Statements are built once: building them costs more than running them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._windows = sorted({(r.per, r.seconds) for r in limits.rates})
        always = [_budget(), _storm(limits.storm.incidents)]
        self._mood = union_all(*always)
        self._all = union_all(*always, _cooldown(), *(_rate(n, *w) for n, w in enumerate(self._windows)))

    async def mood(
        self, connection: AsyncConnection, cluster: str, calm_since: datetime | None, now: datetime
    ) -> Usage:
        """Budget and storm alone."""
        rows = (await connection.execute(self._mood, self._always(cluster, calm_since, now))).all()
        return self._of(rows, now)

    async def read(
        self,
        connection: AsyncConnection,
        turn: Turn,
        needs: Mapping[str, int],
        calm_since: datetime | None,
        now: datetime,
    ) -> Usage:
        """All that a turn needs. `calm_since`: incidents from before count for no storm any more."""
        values = self._always(turn.target.cluster, calm_since, now)
        values |= {
            "incident": turn.incident_id,
            "cooled": now - timedelta(seconds=self._limits.cooldown_seconds),
        }
        values["touched"] = [n.partition(":")[2] for n in needs if n.startswith(COOLDOWN)]
        for number, (per, seconds) in enumerate(self._windows):
            start = f"{RATE}:{per}:{seconds:g}:"
            values[f"since_{number}"] = now - timedelta(seconds=seconds)
            values[f"of_{number}"] = [n.removeprefix(start) for n in needs if n.startswith(start)]
        return self._of((await connection.execute(self._all, values)).all(), now)

    def _always(self, cluster: str, calm_since: datetime | None, now: datetime) -> dict[str, Any]:
        began = now - timedelta(seconds=self._limits.storm.within_seconds)
        return {"cluster": cluster, "calm": max(began, calm_since or began), "yesterday": now - DAY}

    def _of(self, rows: Any, now: datetime) -> Usage:
        used: dict[str, Used] = {}
        budget, until = 0, None
        for what, of, count, at in rows:
            if what == BUDGET:
                budget = count
            elif what == STORM:
                storm = self._limits.storm
                until = at + timedelta(seconds=storm.within_seconds + storm.cooldown_seconds)
            else:
                lasts = self._limits.cooldown_seconds if what == COOLDOWN else float(what.rpartition(":")[2])
                used[f"{what}:{of}"] = Used(count, at + timedelta(seconds=lasts))
        return Usage(used, budget, until)

    async def rates(self, connection: AsyncConnection, now: datetime) -> list[RateUse]:
        """The rates of which something is used, the most used first."""
        found: dict[str, RateUse] = {}
        for rate in self._limits.rates:
            column = _PER[rate.per]
            statement = (
                select(column, func.count())
                .where(_c.at > now - timedelta(seconds=rate.seconds))
                .group_by(column)
            )
            for of, used in (await connection.execute(statement)).all():
                name = rate_name(rate, of)
                if rate.counts(of):
                    at_most = self._limits.capacity(name)
                    found[name] = RateUse(
                        limit=f"{rate.per} {of}", used=used, at_most=at_most, seconds=rate.seconds
                    )
        return sorted(found.values(), key=lambda r: (-r.used / max(r.at_most, 1), r.limit))


def _budget() -> Select[Any]:
    columns: list[Any] = [literal(BUDGET), literal(""), func.count(), null().cast(UtcDateTime)]
    return select(*columns).where(_c.automatic.is_(True), _c.at > bindparam("yesterday"))


def _storm(incidents: int) -> Select[Any]:
    """The last but `incidents` incident: when it lies within the window, more than that many do."""
    newest = select(_i.created_at).where(
        _i.cluster == bindparam("cluster"), _i.created_at > bindparam("calm")
    )
    one = newest.order_by(_i.created_at.desc()).limit(1).offset(incidents).subquery()
    return select(literal(STORM), literal(""), literal(incidents), one.c.created_at)


def _cooldown() -> Select[Any]:
    """The last change of each touched object for another incident."""
    others = (_c.object.in_(bindparam("touched", expanding=True)), _c.incident_id != bindparam("incident"))
    recent = (_c.at > bindparam("cooled"), _c.begun.is_(True))
    counted = select(literal(COOLDOWN), _c.object, literal(1), func.max(_c.at))
    return counted.where(*others, *recent).group_by(_c.object)


def _rate(number: int, per: str, seconds: float) -> Select[Any]:
    """What is set aside for the rest of a plan counts however old it is."""
    column = _PER[per]
    counted = select(literal(f"{RATE}:{per}:{seconds:g}"), column, func.count(), func.min(_c.at))
    recent = or_(_c.at > bindparam(f"since_{number}"), _c.begun.is_(False))
    return counted.where(column.in_(bindparam(f"of_{number}", expanding=True)), recent).group_by(column)
