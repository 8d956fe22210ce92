"""`suture incidents`: what waits for a person first, then what runs, then what ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.cli.attach import Installation
    from suture.cli.lookup import Found
    from suture.domain.incident import IncidentStatus
    from suture.memory.queries import IncidentRow

Open = Annotated[bool, typer.Option("--open", help="Only those without an outcome.")]
OutcomeName = Annotated[str | None, typer.Option(help="healed, self_resolved, escalated or failed.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NS", help="Only of this namespace.")
]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
_ORDER = ("waiting", "running", "ended")


@dataclass(frozen=True)
class Row:
    """One line of the list."""

    incident: str
    target: str
    group: str
    state: str
    severity: str
    cause: str
    since: datetime | None
    seconds_to_heal: float | None
    approver: str | None
    workflow_id: str


def incidents(
    only_open: Open = False,
    outcome: OutcomeName = None,
    namespace: Namespace = None,
    limit: Limit = 30,
    as_json: Json = False,
) -> None:
    """List incidents; what waits for approval comes first."""
    from suture.cli import attach, output
    from suture.cli.problems import WrongUse
    from suture.domain.stages import Outcome

    if outcome is not None and outcome not in list(Outcome):
        raise WrongUse(f"outcome {outcome!r} is unknown", f"it is {', '.join(Outcome)}")
    if outcome and only_open:
        raise WrongUse("--open and --outcome exclude each other", "an open incident has no outcome yet")
    rows = attach.run(_rows(only_open, outcome, namespace, limit))
    if as_json:
        output.as_json([asdict(row) for row in rows])
    elif not rows:
        print("no incidents")
    else:
        head = ("INCIDENT", "TARGET", "STATE", "SEVERITY", "AGE", "HEALED IN", "CAUSE")
        output.table(head, map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    from suture.cli.output import age, duration

    return (
        row.incident,
        row.target,
        row.state,
        row.severity,
        age(row.since),
        duration(row.seconds_to_heal),
        row.cause,
    )


async def _rows(only_open: bool, outcome: str | None, namespace: str | None, limit: int) -> list[Row]:
    from suture.cli import attach

    installation = attach.find()
    found = [] if outcome else await _running(installation, limit)
    rows = {row.incident: row for row in map(_from_running, found) if row.group != "ended"}
    if not only_open:
        for entry in await _remembered(installation, limit, outcome, namespace):
            rows.setdefault(entry.incident_id, _from_entry(entry))
    shown = [row for row in rows.values() if not namespace or row.target.startswith(f"{namespace}/")]
    newest = sorted(shown, key=lambda r: r.since.timestamp() if r.since else 0.0, reverse=True)
    return sorted(newest, key=lambda r: _ORDER.index(r.group))[:limit]


async def _running(installation: Installation, limit: int) -> list[Found]:
    """The running ones; none, with a word on stderr, when Temporal is away: the database still answers."""
    import sys

    from suture.cli import attach, lookup
    from suture.cli.problems import Failure

    try:
        return await lookup.all_running(await attach.temporal(installation), limit)
    except Failure as e:
        print(f"suture: only ended incidents are shown: {e}", file=sys.stderr)
        return []


async def _remembered(
    installation: Installation, limit: int, outcome: str | None, namespace: str | None
) -> list[IncidentRow]:
    from suture.cli import history
    from suture.memory import queries

    async with history.opened(installation) as memory:
        return (
            await queries.incidents(memory, outcome=outcome, namespace=namespace, limit=limit)
            if memory
            else []
        )


def _short(namespace: str, kind: str, name: str) -> str:
    """The target as `suture show` takes it."""
    return "/".join(part for part in (namespace, kind.lower(), name) if part)


def _from_running(found: Found) -> Row:
    s = found.status
    if s is None:
        last = found.workflow_id.removeprefix("incident/").partition("/")[2]
        return Row(
            "-", last, "running", "no answer", "-", "", found.started_at, None, None, found.workflow_id
        )
    waiting = s.phase in ("waiting_for_approval", "escalated")
    group = "waiting" if waiting else "ended" if s.outcome else "running"
    cause = (
        f"{s.approval.cause}: {s.approval.plan.describe()}"
        if s.approval
        else s.summary or str(s.failure_type)
    )
    target = _short(s.target.namespace, s.target.kind, s.target.name)
    return Row(
        s.incident_id,
        target,
        group,
        _state(s),
        str(s.severity),
        cause,
        found.started_at,
        None,
        None,
        s.workflow_id,
    )


def _state(status: IncidentStatus) -> str:
    if status.phase == "waiting_for_approval":
        return "waits for approval"
    calls = status.escalation
    if status.phase == "escalated" and calls:
        held = calls.acknowledged
        return f"escalated, {held.by} is at work" if held else f"escalated, called {calls.level or 'nobody'}"
    return f"{status.stage} ({status.phase})" if status.phase != "running" else str(status.stage)


def _from_entry(entry: IncidentRow) -> Row:
    cause = entry.summary or entry.failure_type
    return Row(
        incident=entry.incident_id,
        target=_short(entry.namespace, entry.kind, entry.name),
        group="ended" if entry.outcome else "running",
        state=str(entry.outcome or "open"),
        severity=entry.severity,
        cause=cause,
        since=entry.detected_at,
        seconds_to_heal=entry.seconds_to_heal,
        approver=entry.approved_by,
        workflow_id=entry.workflow_id,
    )
