"""`suture show`: the whole story of one incident, from its workflow while it runs, else remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.cli.attach import Installation
    from suture.domain.incident import IncidentRecord
    from suture.memory.store import SqlMemory

Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="Incident id or its beginning, workflow id, or namespace/kind/name."),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


def show(incident: Id, as_json: Json = False) -> None:
    """Tell one incident: evidence, hypotheses and why, actions, receipts, verification, approver."""
    from suture.cli import attach, output, story

    installation, record = attach.run(find(incident))
    if as_json:
        output.as_json(record.model_dump(mode="json"))
    else:
        story.tell(record, installation.workflow_url(record.workflow_id))


async def find(text: str) -> tuple[Installation, IncidentRecord]:
    """The incident's record, from its workflow while it runs, else from the database; raises Failure."""
    from suture.cli import attach, history, lookup
    from suture.cli.problems import Failure

    installation = attach.find()
    problem: Failure | None = None
    try:
        client = await attach.temporal(installation)
        found = await lookup.running(installation, client, text)
        record = await lookup.record(client, found.workflow_id)
        if record and _meant(text, record):
            return installation, record
    except Failure as e:
        problem = e
    async with history.opened(installation) as memory:
        if memory:
            record = await _remembered(installation, memory, text)
            if record:
                return installation, record
    raise problem or Failure(f"no incident {text}", "`suture incidents` lists them")


def _meant(text: str, record: IncidentRecord) -> bool:
    return "/" in text or record.incident_id.startswith(text)


async def _remembered(installation: Installation, memory: SqlMemory, text: str) -> IncidentRecord | None:
    from suture.cli import lookup
    from suture.cli.problems import Failure
    from suture.domain.errors import Invalid, TargetNotFound
    from suture.memory import queries

    word = lookup.workflow_id_of(text, installation.settings.cluster) or text
    try:
        told = await queries.incident(memory, word)
    except TargetNotFound:
        return None
    except Invalid as e:
        raise Failure(str(e)) from e
    if told.record is None:
        raise Failure(
            f"{text} was written by another version of Suture",
            "`suture show --json` of that version reads it",
        )
    return told.record
