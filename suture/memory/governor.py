"""The governor's state: who holds a turn, who waits, what was done, and which switches were thrown.

Every decision is one transaction that nothing else of the governor runs beside: SQLite's write lock, or an advisory lock
on PostgreSQL. So limits hold whatever number of workers ask at the same moment, and a worker that dies leaves either all
of a decision behind or nothing of it. The deciding itself is policies.governor, which is pure.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policies import governor
from policies.governor import Facts, Place
from policies.limits import Limits, space, where
from suture.domain.governor import (
    Admission,
    AdmissionState,
    Overview,
    RateUse,
    Standing,
    Switch,
    SwitchKind,
    Tenure,
    Turn,
)
from suture.domain.redaction import redact_text
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import GovernorChange, GovernorPlace, GovernorSwitch
from suture.memory.usage import Usage, UsageReader

log = structlog.get_logger(__name__)
LOCK = 5_738_101_847  # PostgreSQL's advisory lock of whoever decides
BREAKER = "the storm breaker"
LOOKED_AFTER = 5  # silent ones at a time

_places, _changes, _switches = table_of(GovernorPlace), table_of(GovernorChange), table_of(GovernorSwitch)
_p, _c, _s = _places.c, _changes.c, _switches.c
_DECIDES = ("holder", "incident_id", "plan", "rank", "since", "granted_at", "needs", "blocked", "not_before")
_WHAT = select(*(_p[name] for name in _DECIDES))
# those who wait behind do not matter to the one who asks
_BEFORE = _WHAT.where(
    _p.granted_at.is_not(None) | (_p.rank >= bindparam("mine")) | (_p.holder == bindparam("me"))
)
OnStorm = Callable[[Switch], Awaitable[None]]


async def log_storm(storm: Switch) -> None:
    """Says so in the log: what happens unless somebody is named to be called."""
    log.warning("the storm breaker has opened", reason=storm.reason)


class SqlGovernor:
    """`ports.Governor` on SQLite or PostgreSQL. `on_storm` is called once for each storm, by whoever saw it begin."""

    def __init__(
        self,
        database: Database,
        limits: Limits,
        on_storm: OnStorm = log_storm,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._limits = limits
        self._on_storm = on_storm
        self._clock = clock
        self._usage = UsageReader(limits)
        self._upsert = _upsert(database)
        self._reserved = database.insert(_changes).on_conflict_do_nothing()
        self._admitted = _begin(database)

    # how things stand
    async def standing(self, cluster: str, namespace: str, now: datetime) -> Standing:
        """How things stand for a namespace; opens the storm breaker when it is time. Raises Unavailable."""

        async def look(connection: AsyncConnection) -> tuple[list[Switch], Usage]:
            thrown = await _thrown(connection, now - timedelta(seconds=self._limits.storm.within_seconds))
            return thrown, await self._usage.mood(connection, cluster, _calm_since(thrown), now)

        thrown, usage = await self._database.read(look)
        if self._storm_news(thrown, usage, now):
            thrown = await self._open_storm(cluster, now)
        return governor.standing(self._limits, thrown, usage.budget, namespace, now)

    async def _open_storm(self, cluster: str, now: datetime) -> list[Switch]:
        opened: list[Switch] = []

        async def open_it(connection: AsyncConnection) -> list[Switch]:
            opened.clear()
            await self._alone(connection)
            thrown = await _thrown(connection, now - timedelta(seconds=self._limits.storm.within_seconds))
            usage = await self._usage.mood(connection, cluster, _calm_since(thrown), now)
            thrown, new = await self._weathered(connection, thrown, usage, now)
            opened.extend(new)
            return thrown

        thrown = await self._database.alone(open_it)
        await self._tell(opened)
        return thrown

    def _storm_news(self, thrown: Sequence[Switch], usage: Usage, now: datetime) -> Switch | None:
        """The storm as it should stand on record, when it does not yet."""
        if usage.storm_until is None or usage.storm_until <= now:
            return None
        known = next((s for s in thrown if s.kind is SwitchKind.STORM and s.active(now)), None)
        if known and known.until and known.until >= usage.storm_until - timedelta(seconds=1):
            return None
        limit = self._limits.storm
        reason = f"more than {limit.incidents} incidents in {timedelta(seconds=limit.within_seconds)}"
        if known:
            return known.model_copy(update={"until": usage.storm_until})
        return Switch(kind=SwitchKind.STORM, by=BREAKER, reason=reason, since=now, until=usage.storm_until)

    async def _weathered(
        self, connection: AsyncConnection, thrown: list[Switch], usage: Usage, now: datetime
    ) -> tuple[list[Switch], list[Switch]]:
        """Open or prolong the storm on record; the switches from now on, and the storm that is new."""
        news = self._storm_news(thrown, usage, now)
        if news is None:
            return thrown, []
        known = next((s for s in thrown if s.kind is SwitchKind.STORM and s.active(now)), None)
        if known:
            same = (_s.kind == SwitchKind.STORM.value, _s.lifted_at.is_(None), _s.until == known.until)
            await connection.execute(update(_switches).where(*same).values(until=news.until))
            return [news if s is known else s for s in thrown], []
        await connection.execute(self._database.insert(_switches), _switch_row(news))
        return [*thrown, news], [news]

    async def _tell(self, opened: Sequence[Switch]) -> None:
        for storm in opened:
            try:
                await self._on_storm(storm)
            except Exception:
                log.exception("nobody could be told of the storm", reason=storm.reason)

    # turns
    async def admit(self, turn: Turn) -> Admission:
        """Whether a change may begin now. Asking again with the same turn changes nothing. Raises Unavailable."""
        if turn.undo:
            now = self._clock()
            thrown = await self._database.read(lambda c: _thrown(c, now))
            facts = Facts(now, governor.standing(self._limits, thrown, 0, turn.target.namespace, now), 1)
            held_back = governor.proceed(facts, turn, self._limits.first_retry_seconds)
            return held_back or Admission(state=AdmissionState.GRANTED)
        opened: list[Switch] = []

        async def decide(connection: AsyncConnection) -> Admission:
            opened.clear()
            await self._alone(connection)
            # not before: it may have waited long to be alone
            return await self._decide(connection, turn, self._clock(), opened)

        admission = await self._database.alone(decide)
        await self._tell(opened)
        return admission

    async def _decide(
        self, connection: AsyncConnection, turn: Turn, now: datetime, opened: list[Switch]
    ) -> Admission:
        rows = (await connection.execute(_BEFORE, {"me": turn.holder, "mine": turn.severity.rank})).all()
        mine = next((r for r in rows if r.holder == turn.holder), None)
        goes_on = mine is not None and mine.granted_at is not None and _same(mine, turn)
        if mine is not None and not goes_on:
            await connection.execute(_unbegun(turn.holder))
        needs = self._limits.needs(turn)
        thrown = await _thrown(connection, now - timedelta(seconds=self._limits.storm.within_seconds))
        usage = await self._usage.read(connection, turn, needs, _calm_since(thrown), now)
        thrown, new = await self._weathered(connection, thrown, usage, now)
        opened.extend(new)
        stands = governor.standing(self._limits, thrown, usage.budget, turn.target.namespace, now)
        others = [_place(r) for r in rows if r.holder != turn.holder]
        facts = Facts(now, stands, self._limits.daily_budget - usage.budget, others, usage.used)
        own = Place(
            turn.holder,
            turn.incident_id,
            turn.plan,
            turn.severity.rank,
            _since(mine, turn, now),
            False,
            needs,
        )
        if goes_on:
            admission = governor.proceed(facts, turn, governor.patience(self._limits, own.since, now))
            admission = admission or Admission(state=AdmissionState.GRANTED)
        else:
            admission, own = governor.begin(self._limits, facts, turn, own)
        await self._settle(connection, turn, admission, own, mine if goes_on else None, now)
        return admission

    async def _settle(
        self,
        connection: AsyncConnection,
        turn: Turn,
        admission: Admission,
        own: Place,
        held: Row[Any] | None,
        now: datetime,
    ) -> None:
        """Write down what was decided."""
        granted = admission.state is AdmissionState.GRANTED
        if admission.state is AdmissionState.ASK and held is None:
            await connection.execute(delete(_places).where(_p.holder == turn.holder))
            return
        granted_at = held.granted_at if held else now if granted else None
        await connection.execute(self._upsert, self._row(turn, admission, own, granted_at, now))
        if granted:
            for step in range(len(turn.kinds)):
                begun = step == turn.step
                if begun or held is None:
                    row = _change_row(turn, step, begun, now)
                    await connection.execute(self._admitted if begun else self._reserved, row)

    def _row(
        self, turn: Turn, admission: Admission, own: Place, granted_at: datetime | None, now: datetime
    ) -> dict[str, Any]:
        lease = timedelta(seconds=self._limits.lease_seconds)
        granted = admission.state is AdmissionState.GRANTED
        retry_at = None if granted else now + timedelta(seconds=admission.retry_seconds)
        return {
            "holder": turn.holder,
            "incident_id": turn.incident_id,
            "plan": turn.plan,
            "target": str(turn.target),
            "namespace": turn.target.namespace,
            "severity": turn.severity.value,
            "rank": turn.severity.rank,
            "kinds": turn.kinds,
            "by_person": turn.by_person,
            "since": own.since,
            "granted_at": granted_at,
            "reasons": [redact_text(r) for r in admission.reasons],
            "needs": dict(own.needs),
            "blocked": sorted(own.blocked),
            "not_before": own.not_before,
            "retry_at": retry_at,
            "lease_until": (retry_at or now) + lease,
        }

    async def release(self, holder: str, incident_id: str = "") -> list[str]:
        """Give the turn back, or the place in the queue; who should be called now, in order. Raises Unavailable."""
        now = self._clock()
        gone = delete(_places).where(_p.holder == holder)
        gone = gone.where(_p.incident_id == incident_id) if incident_id else gone

        async def give_back(connection: AsyncConnection) -> list[str]:
            await self._alone(connection)
            if (await connection.execute(gone)).rowcount == 0:
                return []
            if (
                await connection.execute(_unbegun(holder))
            ).rowcount:  # rates have more room than waiters were told
                await connection.execute(update(_places).values(not_before=None, blocked=[]))
            return await self._next(connection, now)

        return await self._database.alone(give_back)

    async def _next(self, connection: AsyncConnection, now: datetime) -> list[str]:
        thrown = await _thrown(connection, now)
        if any(s.kind is SwitchKind.STOP and s.active(now) for s in thrown):
            return []
        places = [_place(r) for r in (await connection.execute(_WHAT)).all()]
        back = governor.line_up(self._limits, places, governor.NOTHING, now)
        return [holder for holder, limits in back.items() if not limits]

    async def silent(self) -> list[tuple[str, str]]:
        """A few who said nothing for longer than their lease, those that hold first: (holder, incident id). They get another
        lease at once, so that of all who ask only one looks after each. Raises Unavailable.
        """
        now = self._clock()
        lease = now + timedelta(seconds=self._limits.lease_seconds)
        first = select(_p.holder).where(_p.lease_until < now)
        first = first.order_by(_p.granted_at.is_(None), _p.lease_until).limit(LOOKED_AFTER)
        claim = update(_places).where(_p.holder.in_(first)).values(lease_until=lease)

        async def look(connection: AsyncConnection) -> bool:
            return (await connection.execute(first)).first() is not None

        async def take(connection: AsyncConnection) -> list[tuple[str, str]]:
            await self._alone(connection)
            found = await connection.execute(claim.returning(_p.holder, _p.incident_id))
            return [(row.holder, row.incident_id) for row in found]

        return await self._database.alone(take) if await self._database.read(look) else []

    # switches
    async def throw(self, switch: Switch) -> None:
        """Throw a switch; one of the same kind and name that holds already is replaced. Raises Unavailable."""
        row = _switch_row(switch)

        async def turn_on(connection: AsyncConnection) -> None:
            await self._alone(connection)
            await connection.execute(_lift(switch.kind, switch.name, switch.by, switch.since))
            await connection.execute(self._database.insert(_switches), row)

        await self._database.alone(turn_on)

    async def lift(self, kind: SwitchKind, name: str, by: str) -> tuple[bool, list[str]]:
        """Lift a switch: whether it held, and who should be called because of it. Raises Unavailable."""
        now = self._clock()

        async def turn_off(connection: AsyncConnection) -> tuple[bool, list[str]]:
            await self._alone(connection)
            held = (await connection.execute(_lift(kind, name, by, now))).rowcount > 0
            return held, list((await connection.execute(select(_p.holder).order_by(_p.since))).scalars())

        return await self._database.alone(turn_off)

    async def overview(self, cluster: str, namespace: str = "") -> Overview:
        """Everything at one moment. Raises Unavailable."""
        now = self._clock()

        async def look(connection: AsyncConnection) -> tuple[Any, list[Switch], Usage, list[RateUse]]:
            rows = (await connection.execute(select(_places))).all()
            thrown = await _thrown(connection, now)
            usage = await self._usage.mood(connection, cluster, None, now)
            return rows, thrown, usage, await self._usage.rates(connection, now)

        rows, thrown, usage, rates = await self._database.read(look)
        order = sorted(rows, key=lambda r: _place(r).order)
        return Overview(
            at=now,
            standing=governor.standing(self._limits, thrown, usage.budget, namespace, now),
            held=[_tenure(r) for r in order if r.granted_at],
            waiting=[_tenure(r) for r in order if not r.granted_at],
            rates=rates,
            concurrent=self._limits.concurrency.total,
            budget_used=usage.budget,
            budget=self._limits.daily_budget,
            switches=[s for s in thrown if s.active(now)],
        )

    async def _alone(self, connection: AsyncConnection) -> None:
        """From here on nobody else decides until this transaction ends; on SQLite a writer is alone anyway."""
        if not self._database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _upsert(database: Database) -> Any:
    insert = database.insert(_places)
    changed = {c.name: insert.excluded[c.name] for c in _places.c if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=[_p.holder], set_=changed)


def _begin(database: Database) -> Any:
    """A change begins once: what was set aside for it counts from then on."""
    insert = database.insert(_changes)
    new = {"begun": True, "at": insert.excluded["at"]}
    return insert.on_conflict_do_update(index_elements=[_c.change_id], set_=new, where=_c.begun.is_(False))


def _unbegun(holder: str) -> Any:
    """Give back what was set aside and never begun."""
    return delete(_changes).where(_c.holder == holder, _c.begun.is_(False))


def _lift(kind: SwitchKind, name: str, by: str, now: datetime) -> Any:
    holds = (_s.lifted_at.is_(None), (_s.until.is_(None)) | (_s.until > now))
    return (
        update(_switches)
        .where(_s.kind == kind.value, _s.name == name, *holds)
        .values(lifted_at=now, lifted_by=redact_text(by))
    )


async def _thrown(connection: AsyncConnection, since: datetime) -> list[Switch]:
    """The switches that hold, and those that were lifted after `since`."""
    holds = _s.lifted_at.is_(None) & ((_s.until.is_(None)) | (_s.until > since))
    found = await connection.execute(select(_switches).where(holds | (_s.lifted_at > since)).order_by(_s.id))
    return [_switch(r) for r in found.all()]


def _calm_since(thrown: Sequence[Switch]) -> datetime | None:
    """When a person declared the last storm to be over: what came before counts no more."""
    lifted = [s.lifted_at for s in thrown if s.kind is SwitchKind.STORM and s.lifted_at]
    return max(lifted, default=None)


def _same(row: Row[Any], turn: Turn) -> bool:
    return bool(row.incident_id == turn.incident_id and row.plan == turn.plan)


def _since(row: Row[Any] | None, turn: Turn, now: datetime) -> datetime:
    known = [turn.since] if turn.since else []
    if row is not None and row.incident_id == turn.incident_id and row.granted_at is None:
        known.append(row.since)
    return min(known, default=now)


def _place(row: Row[Any]) -> Place:
    return Place(
        row.holder,
        row.incident_id,
        row.plan,
        row.rank,
        row.since,
        row.granted_at is not None,
        row.needs,
        frozenset(row.blocked),
        row.not_before,
    )


def _tenure(row: Row[Any]) -> Tenure:
    return Tenure.model_validate({name: getattr(row, name) for name in Tenure.model_fields})


def _change_row(turn: Turn, step: int, begun: bool, now: datetime) -> dict[str, Any]:
    return {
        "change_id": f"{turn.holder}/{turn.incident_id}/{turn.plan}/{step}",
        "holder": turn.holder,
        "incident_id": turn.incident_id,
        "target": where(turn.target, turn.target.ref),
        "object": where(turn.target, turn.objects[step]),
        "kind": turn.kinds[step],
        "namespace": space(turn.target),
        "automatic": not turn.by_person,
        "begun": begun,
        "at": now,
    }


def _switch_row(switch: Switch) -> dict[str, Any]:
    row = switch.model_dump(exclude={"kind", "by"})
    row |= {
        "kind": switch.kind.value,
        "thrown_by": redact_text(switch.by),
        "reason": redact_text(switch.reason),
    }
    return row


def _switch(row: Row[Any]) -> Switch:
    same = {name: getattr(row, name) for name in Switch.model_fields if name != "by"}
    return Switch(by=row.thrown_by, **same)
