"""`suture postmortem`: what is owed after an incident, who did it, and the report."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.domain.post_incident import PostIncidentRecord

app = typer.Typer(
    help="Follow up on incidents: report, root-cause analysis, action items, review.", no_args_is_help=True
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Incident id or its beginning.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who; default: $SUTURE_USER, then $USER.")]
Reason = Annotated[str, typer.Option(help="Why.")]
DUTIES = {
    "report": "report_done",
    "rca": "rca_done",
    "improvement": "improvement_done",
    "review": "review_done",
}
UPDATE_SECONDS = 15.0


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List what is owed, what is due first at the top."""
    from suture.cli import attach, output

    found = attach.run(_listed(everything, limit))
    if as_json:
        output.as_json([r.model_dump(mode="json") for r in found])
    elif not found:
        print("nothing is owed")
    else:
        output.table(("INCIDENT", "SEVERITY", "OUTCOME", "NEXT", "DUE", "OWED"), map(_cells, found))


@app.command()
def show(incident: Id, as_json: Json = False) -> None:
    """Show one follow-up: duties, action items, who was told."""
    from suture.cli import attach, output

    record = attach.run(_one(incident))
    if as_json:
        output.as_json(record.model_dump(mode="json"))
    else:
        _tell(record)


@app.command()
def done(
    incident: Id,
    duty: Annotated[str, typer.Argument(help=", ".join(DUTIES))],
    note: Annotated[str, typer.Option(help="What came of it; for rca: the root cause.")] = "",
    link: Annotated[str, typer.Option(help="Where it is written down.")] = "",
    by: By = None,
) -> None:
    """Say that a duty is fulfilled."""
    from suture.cli.problems import WrongUse

    if duty not in DUTIES:
        hint = "action items are done with `suture postmortem item`" if "item" in duty else ""
        raise WrongUse(f"{duty!r} is no duty: it is {', '.join(DUTIES)}", hint)
    _update(incident, DUTIES[duty], {"by": by, "note": note, "link": link})


@app.command()
def item(
    incident: Id,
    number: Annotated[int | None, typer.Option("--item", min=1, help="Its number; none: a new one.")] = None,
    text: Annotated[str, typer.Option(help="What is to be done.")] = "",
    owner: Annotated[str, typer.Option(help="Who does it.")] = "",
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Until when.")] = None,
    finished: Annotated[bool, typer.Option("--done", help="It is done.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="It will not be done; give --reason.")] = False,
    reason: Reason = "",
    by: By = None,
) -> None:
    """Add, schedule, finish or drop an action item. `--drop --reason` alone says that nothing needs to be done."""
    from datetime import UTC

    change = {"by": by, "id": number, "text": text, "owner": owner, "done": finished, "dropped": drop}
    when = due.replace(tzinfo=UTC).isoformat() if due else None
    _update(incident, "action_item", {**change, "reason": reason, "due": when})


@app.command()
def close(
    incident: Id,
    waive: Annotated[
        bool, typer.Option("--waive", help="Although something is owed; give --reason.")
    ] = False,
    reason: Reason = "",
    by: By = None,
) -> None:
    """End a follow-up."""
    _update(incident, "close", {"by": by, "waive": waive, "reason": reason})


@app.command()
def report(
    incident: Id,
    form: Annotated[str, typer.Option("--format", help="md or html.")] = "md",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of the screen.")
    ] = None,
) -> None:
    """Write the report of any incident from its history; with -o a Markdown report gets its plot beside it."""
    from suture.cli import attach
    from suture.cli.problems import Failure, WrongUse

    if form not in ("md", "html"):
        raise WrongUse(f"--format {form!r} is unknown", "it is md or html")
    text, svg = attach.run(_rendered(incident, form, output))
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text)
        if form == "md":
            output.with_suffix(".svg").write_text(svg)
    except OSError as e:
        raise Failure(f"cannot write {output}: {e.strerror}") from e
    print(f"written: {output}")


async def _rendered(text: str, form: str, output: Path | None) -> tuple[str, str]:
    from suture.cli import history, show
    from suture.memory.archive import SqlArchive
    from suture.report import Facts, timeline_svg, to_html, to_markdown

    installation, record = await show.find(text)
    facts = Facts(record=record)
    async with history.opened(installation) as memory:
        if memory and record.outcome:
            archive = SqlArchive(memory)
            archived = await archive.archived(record.incident_id)
            follow_up = await archive.follow_up(record.incident_id)
            facts = Facts(
                record=archived.record, journal=archived.journal, told=archived.told, follow_up=follow_up
            )
    svg = timeline_svg(facts) if output or form == "html" else ""
    if form == "html":
        return to_html(facts, svg), svg
    return to_markdown(facts, output.with_suffix(".svg").name if output else ""), svg


async def _listed(everything: bool, limit: int) -> list[PostIncidentRecord]:
    from suture.cli import attach, history
    from suture.memory.archive import SqlArchive

    async with history.opened(attach.find()) as memory:
        return await SqlArchive(memory).follow_ups(not everything, limit) if memory else []


async def _one(text: str) -> PostIncidentRecord:
    """What the workflow says of itself while it runs, else what is remembered."""
    from suture.cli import attach, history
    from suture.cli.problems import Failure
    from suture.domain.post_incident import PostIncidentRecord, workflow_id_of
    from suture.memory.archive import SqlArchive

    installation = attach.find()
    async with history.opened(installation) as memory:
        known = await SqlArchive(memory).follow_ups(open_only=False, limit=10_000) if memory else []
    found = [r for r in known if r.incident_id.startswith(text)]
    if len(found) != 1:
        names = ", ".join(r.incident_id for r in found[:5])
        said = f"{text!r} is not unique: {names}" if found else f"no incident {text!r} is followed up"
        raise Failure(said, "`suture postmortem list --all` lists them")
    if found[0].closed_at:
        return found[0]
    try:
        handle = (await attach.temporal(installation)).get_workflow_handle(
            workflow_id_of(found[0].incident_id)
        )
        answer: PostIncidentRecord = await handle.query("status", result_type=PostIncidentRecord)
        return answer
    except Exception:  # the database knows nearly as much
        return found[0]


def _update(incident: str, name: str, said: dict[str, Any]) -> None:
    from suture.cli import attach
    from suture.cli.decide import user

    said = {**said, "by": said["by"] or user()}
    print(attach.run(_sent(incident, name, said)))


async def _sent(incident: str, name: str, said: dict[str, Any]) -> str:
    import asyncio

    from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
    from temporalio.service import RPCError

    from suture.cli import attach, lookup
    from suture.cli.problems import Failure

    record = await _one(incident)
    client = await attach.temporal(attach.find())
    try:
        async with asyncio.timeout(UPDATE_SECONDS):
            handle = client.get_workflow_handle(record.workflow_id)
            answer: str = await handle.execute_update(name, said, result_type=str)
            return f"{record.incident_id}: {answer}"
    except WorkflowUpdateFailedError as e:
        hint = f"`suture postmortem show {record.incident_id}` tells where it stands"
        raise Failure(f"refused: {lookup.reason(e)}", hint) from e
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as e:
        raise Failure(lookup.NO_WORKER) from e
    except RPCError as e:
        raise Failure(f"the follow-up does not run any more: {e.message}") from e


def _cells(record: PostIncidentRecord) -> tuple[str, ...]:
    from suture.cli.output import clock

    owed = record.owed if not record.closed_at else []
    first = min(owed, key=lambda d: record.duties[d].due_at, default=None)
    return (
        record.incident_id,
        str(record.severity),
        str(record.outcome),
        str(first or ("closed" if record.closed_at else "close it")),
        clock(record.duties[first].due_at) if first else "-",
        ", ".join(owed) or "-",
    )


def _tell(record: PostIncidentRecord) -> None:
    from suture.cli.output import clock, heading
    from suture.report.follow_up import item_state

    state = f"closed by {record.closed_by} at {clock(record.closed_at)}" if record.closed_at else "open"
    print(f"incident  {record.incident_id} ({record.severity}, {record.outcome})")
    print(f"summary   {record.summary}")
    print(f"because   {record.why}")
    print(f"state     {state}{': ' + record.close_reason if record.close_reason else ''}")
    print(f"report    suture postmortem report {record.incident_id}")
    heading("Duties")
    for duty, s in record.duties.items():
        words = (
            f"done by {s.done_by} at {clock(s.done_at)} {s.note}" if s.done_at else f"due {clock(s.due_at)}"
        )
        print(f"  {duty:<13} {words.rstrip()}")
    heading("Action items")
    for i in record.items:
        print(f"  {i.id}. {i.text} ({item_state(i)})")
        if i.because:
            print(f"     because {i.because}")
    heading("Told")
    for t in record.told:
        print(f"  {clock(t.at)}  {t.level}  {t.text} ({', '.join(t.who) or 'nobody could be reached'})")
