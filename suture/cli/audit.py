"""`suture audit`: who did what on the pages, by link and by program, and whether the log is as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.domain.audit import AuditCheck, AuditRow

Verify = Annotated[bool, typer.Option("--verify", help="Check that no line was changed or taken away.")]
Head = Annotated[
    str, typer.Option(metavar="HASH", help="With --verify: a line's hash noted earlier must still be there.")
]
About = Annotated[str, typer.Option("--about", metavar="ID", help="Only about this incident.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Only by this person.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many lines.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def audit(
    verify: Verify = False,
    head: Head = "",
    about: About = "",
    by: By = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Show the audit log, newest first; or check it (exit code 1 when it was tampered with)."""
    from suture.cli import attach, output

    rows, check = attach.run(_read(verify, head, about, by, limit))
    if check:
        if as_json:
            output.as_json(check.model_dump())
        else:
            _tell(check)
        raise typer.Exit(1 if check.problems else 0)
    if as_json:
        output.as_json([row.model_dump(mode="json") for row in rows])
        return
    head_line = ("NO", "WHEN", "WHO", "VIA", "WHAT", "ABOUT", "RESULT", "WHY")
    output.table(head_line, map(_cells, rows))


def _tell(check: AuditCheck) -> None:
    from suture.cli.output import count

    for problem in check.problems:
        print(problem)
    state = "NOT as they were written" if check.problems else "as they were written"
    print(f"{count(check.lines, 'line')}, {state}; the newest line's hash is {check.head}")


def _cells(row: AuditRow) -> tuple[str, ...]:
    from suture.cli.output import clock

    why = "; ".join(part for part in (row.reason, row.detail) if part)
    via = f"{row.via} from {row.address}" if row.address else row.via
    return (str(row.seq), clock(row.at), row.by, via, row.action, row.subject, str(row.result), why)


async def _read(
    verify: bool, head: str, about: str, by: str, limit: int
) -> tuple[list[AuditRow], AuditCheck | None]:
    from suture.cli import attach, history
    from suture.cli.problems import Failure
    from suture.memory.audit import SqlAudit

    installation = attach.find()
    async with history.opened(installation) as memory:
        if memory is None:
            raise Failure("there is no database yet", "start `suture up` once")
        log = SqlAudit(memory.database, installation.settings.sealing_key())
        if verify:
            return [], await log.verify(head)
        return await log.entries(limit, None, about, by), None
