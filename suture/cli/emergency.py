"""`suture emergency`: maintenance mode, mass outage, and the way back; every step with who and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.domain.emergency import MaintenanceStatus, OutageStatus, StepStatus, Survey

app = typer.Typer(help="Maintenance mode, and what to do when everything is down.", no_args_is_help=True)
maintenance = typer.Typer(help="Alerts are expected: only what a person approves runs.", no_args_is_help=True)
app.add_typer(maintenance, name="maintenance")
Reason = Annotated[str, typer.Option(help="Why; recorded.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who; default: $SUTURE_USER, then $USER.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Namespace = Annotated[
    list[str] | None, typer.Option("--namespace", "-n", metavar="NS", help="Only there; may be repeated.")
]
SECONDS = 15.0
QUERY_SECONDS = 4
_NONE = "nothing: no maintenance, no outage"


@maintenance.command("on")
def maintenance_on(
    reason: Reason,
    duration: Annotated[
        str,
        typer.Option("--for", metavar="TIME", help="It ends by itself after so long, for example 90m or 2h."),
    ] = "",
    message: Annotated[str, typer.Option(help="What users are told.")] = "",
    namespace: Namespace = None,
    by: By = None,
) -> None:
    """Begin maintenance; without --for it lasts until it is ended."""
    from suture.cli import attach

    until = datetime.now(UTC) + _duration(duration) if duration else None
    said = {"reason": reason, "message": message, "until": until, "namespaces": namespace or []}
    print(attach.run(_begun("maintenance", by, said)))
    print(
        f"  it ends {f'by itself at {until:%Y-%m-%d %H:%M} UTC' if until else 'with `suture emergency maintenance off`'}"
    )


@maintenance.command("off")
def maintenance_off(reason: Reason, by: By = None) -> None:
    """End maintenance: what it changed is undone, and that is verified."""
    _say("maintenance", "end", by, {"reason": reason})


@app.command()
def outage(reason: Reason, by: By = None) -> None:
    """Declare a mass outage: nothing acts any more, all levels are called, the infrastructure is looked at."""
    from suture.cli import attach

    print(attach.run(_begun("outage", by, {"reason": reason})))
    print("  nothing acts until you say `suture emergency restore` or `suture emergency end`")


@app.command()
def status(as_json: Json = False) -> None:
    """How maintenance and outage stand: nodes, pods, dependencies, groups, guided steps."""
    from suture.cli import attach, output

    found = attach.run(_both())
    if as_json:
        output.as_json({k: v.model_dump(mode="json") for k, v in found.items()})
    elif not found:
        print(_NONE)
    for one in found.values() if not as_json else ():
        _tell(one)


@app.command()
def restore(
    reason: Reason,
    group: Annotated[str, typer.Option(help="Only if this is the next group.")] = "",
    skip: Annotated[bool, typer.Option("--skip", help="Leave the next group out.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="The groups after it too, as long as all goes well.")
    ] = False,
    by: By = None,
) -> None:
    """Let the next group of services be restarted; the one after it waits until it is healthy, and for your word."""
    _say("outage", "restore", by, {"reason": reason, "group": group, "skip": skip, "everything": everything})


@app.command()
def confirm(step: Annotated[str, typer.Argument(help="A guided step of `suture emergency status`.")],
            note: Annotated[str, typer.Option(help="What came of it.")] = "", by: By = None) -> None:  # fmt: skip
    """Say that a guided step is done; the engine never runs it."""
    _say("outage", "confirm", by, {"step": step, "note": note})


@app.command()
def end(reason: Reason, by: By = None) -> None:
    """End the outage: the engine acts again."""
    _say("outage", "end", by, {"reason": reason})


def _duration(text: str) -> timedelta:
    """Raises WrongUse for what is no length of time."""
    import re

    from suture.cli.problems import WrongUse

    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if not found or not int(found[1]):
        raise WrongUse(f"{text!r} is no length of time", "write for example 90m, 2h or 1d")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


async def _begun(what: str, by: str | None, said: dict[str, Any]) -> str:
    from pydantic import ValidationError

    from suture.cli import attach
    from suture.cli.decide import user
    from suture.cli.problems import Failure, WrongUse
    from suture.domain.emergency import MaintenanceStart, OutageStart
    from suture.domain.errors import Conflict
    from suture.domain.redaction import redact_text
    from suture.ingest import emergency

    installation = attach.find()
    said = {
        **said,
        "reason": redact_text(said["reason"]),
        "by": by or user(),
        "cluster": installation.settings.cluster,
    }
    client = await attach.temporal(installation)
    try:
        if what == "outage":
            return f"declared: {await emergency.begin_outage(client, OutageStart.model_validate(said))} by {said['by']}"
        name = await emergency.begin_maintenance(client, MaintenanceStart.model_validate(said))
        return f"on: {name} by {said['by']}"
    except ValidationError as e:
        first = e.errors()[0]
        raise WrongUse(f"{first['loc'][0]}: {first['msg']}") from e
    except Conflict as e:
        raise Failure(f"{e}", "`suture emergency status` tells since when and by whom") from e


def _say(what: str, update: str, by: str | None, said: dict[str, Any]) -> None:
    from suture.cli import attach
    from suture.cli.decide import user

    print(attach.run(_said(what, update, {**said, "by": by or user()})))


async def _said(what: str, update: str, said: dict[str, Any]) -> str:
    import asyncio

    from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
    from temporalio.service import RPCError, RPCStatusCode

    from suture.cli import attach, lookup
    from suture.cli.problems import Failure

    installation = attach.find()
    client = await attach.temporal(installation)
    try:
        async with asyncio.timeout(SECONDS):
            handle = client.get_workflow_handle(_id(what, installation.settings.cluster))
            answer: str = await handle.execute_update(update, said, result_type=str)
            return answer
    except WorkflowUpdateFailedError as e:
        raise Failure(
            f"refused: {lookup.reason(e)}", "`suture emergency status` tells where it stands"
        ) from e
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as e:
        raise Failure(lookup.NO_WORKER) from e
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            begin = "suture emergency outage" if what == "outage" else "suture emergency maintenance on"
            raise Failure(f"there is no {what} to speak of", f"`{begin}` begins one") from e
        raise Failure(f"Temporal refused: {e.message}") from e


async def _both() -> dict[str, MaintenanceStatus | OutageStatus]:
    """What runs now; an emergency that has ended is an incident like others (`suture show`)."""
    from suture.cli import attach
    from suture.domain.emergency import MaintenanceStatus, OutageStatus

    installation = attach.find()
    client = await attach.temporal(installation)
    kinds: dict[str, type[MaintenanceStatus] | type[OutageStatus]] = {
        "maintenance": MaintenanceStatus,
        "outage": OutageStatus,
    }
    found = {
        w: await _query(client, _id(w, installation.settings.cluster), model) for w, model in kinds.items()
    }
    return {what: answer for what, answer in found.items() if answer is not None}


async def _query(client: Any, workflow_id: str, model: Any) -> Any:
    from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
    from temporalio.service import RPCError, RPCStatusCode

    from suture.cli import lookup
    from suture.cli.problems import Failure

    handle = client.get_workflow_handle(workflow_id)
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            return None
        return await handle.query("status", result_type=model, rpc_timeout=timedelta(seconds=QUERY_SECONDS))
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            return None
        raise Failure(lookup.NO_WORKER) from e
    except WorkflowQueryFailedError as e:
        raise Failure(lookup.NO_WORKER) from e


def _id(what: str, cluster: str) -> str:
    from suture.domain.emergency import maintenance_id, outage_id

    return outage_id(cluster) if what == "outage" else maintenance_id(cluster)


def _tell(state: Any) -> None:
    from suture.cli.output import clock, heading

    outage = hasattr(state, "groups")
    print(
        f"{'mass outage' if outage else 'maintenance'}  {state.phase} since {clock(state.since)} by {state.by}: {state.reason}"
    )
    if outage:
        _tell_outage(state)
    else:
        print(f"  until {clock(state.until) if state.until else 'somebody ends it'}")
        if state.problem:
            print(f"  PROBLEM: {state.problem}")
    heading("What happened")
    for entry in state.record.timeline[-15:]:
        print(f"  {clock(entry.at)}  {entry.text}")


def _tell_outage(state: OutageStatus) -> None:
    from suture.cli.output import heading

    heading("Called")
    for level, who in sorted(state.called.items()):
        print(f"  {level}  {', '.join(who) or 'nobody could be reached'}")
    if state.survey:
        _tell_survey(state.survey)
    heading("Restoration")
    for group in state.groups:
        targets = ", ".join(map(str, group.targets))
        print(f"  {group.name:<16} {group.state:<11} {targets} {group.said}".rstrip())
    if not state.groups:
        print("  emergency.yaml names nothing to restore")
    heading("Guided steps (you do them; then `suture emergency confirm STEP`)")
    for step in state.steps:
        _tell_step(step)


def _tell_step(step: StepStatus) -> None:
    mark = f"done by {step.done_by} {step.note}".rstrip() if step.done_at else "open"
    print(f"  [{'x' if step.done_at else ' '}] {step.name}: {step.title} ({mark})")
    for command in step.commands if not step.done_at else ():
        print(f"        {command}")


def _tell_survey(found: Survey) -> None:
    from suture.cli.output import clock, heading

    heading(f"Infrastructure at {clock(found.at)}")
    if found.problem:
        print(f"  {found.problem}")
    print(f"  {len(found.nodes_not_ready)} of {found.nodes} nodes not ready")
    for name, why in found.nodes_not_ready.items():
        print(f"    {name}: {why}")
    print(f"  {found.not_running} of {found.pods} pods not running")
    for namespace, pods in found.pods_not_running.items():
        print(f"    {namespace}: {', '.join(pods)}")
    for place in found.dependencies:
        print(f"  {place.name}: {'ok' if place.ok else 'AWAY'} ({place.said})")
