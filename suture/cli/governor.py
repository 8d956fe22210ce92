"""`suture governor`, `stop`, `resume`, `freeze`, `unfreeze`: limits on the whole engine, looked at and switched by people.

They work on the installation's database, so a stop holds also while no engine answers, and for one that starts later.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.cli.attach import Installation
    from suture.domain.governor import Overview, Switch, SwitchKind
    from suture.memory.governor import SqlGovernor

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Reason = Annotated[str, typer.Option(help="Why; kept on record.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who; default: $SUTURE_USER, then $USER.")]
Name = Annotated[str, typer.Argument(help="What the freeze is called, for example release-7.")]
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When it ends: 2h, 3d, or 2026-12-24T18:00; default: unfreeze."),
]
Namespaces = Annotated[
    list[str] | None, typer.Option("--namespace", "-n", help="Only there; may be given several times.")
]


def governor(as_json: Json = False) -> None:
    """Show who may act now, who waits and why, what is used up, and which switches hold."""
    from suture.cli import attach, output

    found = attach.run(_look())
    if as_json:
        output.as_json(found.model_dump(mode="json"))
    else:
        _show(found)


def stop(reason: Reason = "", by: By = None) -> None:
    """Stop everything at once: nothing is changed any more, undoing included, until `suture resume`."""
    from suture.domain.governor import SwitchKind

    _throw(SwitchKind.STOP, "", reason, by)


def resume(by: By = None) -> None:
    """Let the engine act again: lift the stop, and declare a storm to be over."""
    from suture.cli import attach
    from suture.domain.governor import SwitchKind

    lifted = attach.run(_lift([(SwitchKind.STOP, ""), (SwitchKind.STORM, "")], by))
    print(f"lifted: {', '.join(lifted)}" if lifted else "nothing was stopped")


def freeze(
    name: Name, until: Until = None, reason: Reason = "", namespaces: Namespaces = None, by: By = None
) -> None:
    """Freeze changes: only what a person approves runs until the freeze ends."""
    from suture.domain.governor import SwitchKind

    _throw(SwitchKind.FREEZE, name, reason, by, _moment(until), namespaces or [])


def unfreeze(name: Name, by: By = None) -> None:
    """End a freeze."""
    from suture.cli import attach
    from suture.cli.problems import Failure
    from suture.domain.governor import SwitchKind

    if not attach.run(_lift([(SwitchKind.FREEZE, name)], by)):
        raise Failure(
            f"no freeze {name!r} holds",
            "`suture governor` lists them; those of the calendar end by themselves",
        )
    print(f"freeze {name} lifted")


def _moment(until: str | None) -> datetime | None:
    """A moment to come, from a length of time or a date; raises WrongUse."""
    from suture.cli.export import moment
    from suture.cli.problems import WrongUse

    if until is None:
        return None
    now = datetime.now(UTC)
    read = moment(until, now)
    ahead = now + (now - read) if until[-1:] in "mhdw" else read
    if ahead <= now + timedelta(seconds=1):
        raise WrongUse(f"{until!r} has passed already", "name a moment to come, for example 2h")
    return ahead


def _throw(
    kind: SwitchKind,
    name: str,
    reason: str,
    by: str | None,
    until: datetime | None = None,
    namespaces: Iterable[str] = (),
) -> None:
    from pydantic import ValidationError

    from suture.cli import attach
    from suture.cli.decide import user
    from suture.cli.problems import WrongUse
    from suture.domain.governor import Switch
    from suture.domain.redaction import redact_text

    try:
        switch = Switch(
            kind=kind,
            name=name,
            by=by or user(),
            reason=redact_text(reason),
            since=datetime.now(UTC),
            until=until,
            namespaces=list(namespaces),
        )
    except ValidationError as e:
        first = e.errors()[0]
        raise WrongUse(f"{first['loc'][0]}: {first['msg']}") from e
    attach.run(_put(switch))
    print(f"holds now: {switch.describe()}")


async def _put(switch: Switch) -> None:
    async with _opened() as (_, found):
        await found.throw(switch)


async def _lift(switches: Iterable[tuple[SwitchKind, str]], by: str | None) -> list[str]:
    """What was lifted; those who wait are called, as far as the server answers."""
    from suture.cli.decide import user

    lifted: list[str] = []
    waiting: set[str] = set()
    async with _opened() as (installation, found):
        for kind, name in switches:
            held, holders = await found.lift(kind, name, by or user())
            if held:
                lifted.append(str(kind))
                waiting.update(holders)
        if waiting:
            await _call(installation, waiting)
    return lifted


async def _call(installation: Installation, holders: Iterable[str]) -> None:
    from suture.cli import attach
    from suture.cli.problems import Failure
    from suture.domain.errors import Unavailable
    from suture.ingest.temporal import TemporalIncidents
    from suture.settings import TASK_QUEUE

    try:
        incidents = TemporalIncidents(await attach.temporal(installation), TASK_QUEUE)
        for holder in sorted(holders):
            await incidents.call(holder)
    except (Failure, Unavailable):
        print("Temporal does not answer: what waits asks again by itself within minutes")


async def _look() -> Overview:
    async with _opened() as (installation, found):
        return await found.overview(installation.settings.cluster)


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[Installation, SqlGovernor]]:
    from policies.limits import Limits
    from suture.cli import attach, history
    from suture.cli.problems import Failure
    from suture.memory.governor import SqlGovernor

    installation = attach.find()
    settings = installation.settings
    limits = Limits.load(settings.governor) if settings.governor else Limits.load()
    async with history.opened(installation) as memory:
        if memory is None:
            raise Failure(f"there is no database yet at {settings.database_url}", "start `suture up` once")
        yield installation, SqlGovernor(memory.database, limits)


def _show(found: Overview) -> None:
    from suture.cli import output

    stands = found.standing
    switches = [t for t in (stands.stopped, *stands.asks) if t]
    print("\n".join(switches) or "nothing is stopped or frozen")
    print(
        f"{len(found.held)} of {found.concurrent} act now, {len(found.waiting)} wait; "
        f"{found.budget_used} of {found.budget} automatic changes in 24 hours"
    )
    rows = [
        (
            t.incident_id,
            t.severity,
            "acts" if t.granted_at else "waits",
            output.age(t.granted_at or t.since),
            "; ".join(t.reasons) or ", ".join(t.kinds),
        )
        for t in (*found.held, *found.waiting)
    ]
    if rows:
        output.heading("TURNS")
        output.table(("INCIDENT", "SEVERITY", "STATE", "SINCE", "WHY"), rows)
    if found.rates:
        output.heading("RATES")
        output.table(
            ("LIMIT", "USED", "OF", "IN"),
            [(r.limit, str(r.used), str(r.at_most), output.duration(r.seconds)) for r in found.rates[:20]],
        )
