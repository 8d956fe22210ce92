"""`suture approve`, `reject`, `comment`, `delegate`, `ack` ...: one validated update, so a refusal is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from suture.cli.lookup import Found
    from suture.domain.decision import ApprovalRequest, Decision

Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="Incident id or its beginning, workflow id, or namespace/kind/name."),
]
MaybeId = Annotated[
    str | None,
    typer.Argument(metavar="ID", help="Incident id or its beginning, workflow id, or namespace/kind/name."),
]
Reason = Annotated[str, typer.Option(help="Why; kept with the incident.")]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; default: $SUTURE_USER, then $USER.")
]
PlanHash = Annotated[str, typer.Option("--plan", metavar="HASH", help="Only if this is still the plan.")]
Edits = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a parameter, e.g. actions.0.replicas=4."),
]
All = Annotated[bool, typer.Option("--all", help="Every plan that waits.")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", metavar="NS", help="With --all.")]
Failure = Annotated[str | None, typer.Option("--failure-type", metavar="TYPE", help="With --all.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --all: do not ask.")]
BOUND = ("approve", "reject", "delegate")  # words about one plan


def approve(
    incident: MaybeId = None,
    reason: Reason = "",
    by: By = None,
    plan: PlanHash = "",
    edits: Edits = None,
    everything: All = False,
    namespace: Namespace = None,
    failure_type: Failure = None,
    yes: Yes = False,
) -> None:
    """Let the waiting plan run, with changes if need be; or every waiting plan at once (--all)."""
    from suture.cli import bulk
    from suture.cli.problems import WrongUse

    if everything:
        if incident or plan or edits:
            raise WrongUse("--all goes without an ID, --plan and --set")
        bulk.approve(made("approve", by, reason), namespace, failure_type, yes)
    elif incident is None or namespace or failure_type:
        raise WrongUse("say which incident, or --all", "`suture incidents` lists what waits")
    else:
        _decide(incident, made("approve", by, reason, plan_hash=plan, edits=_parsed(edits or [])))


def reject(incident: Id, reason: Reason = "", by: By = None, plan: PlanHash = "") -> None:
    """Refuse the waiting plan; the next hypothesis is tried."""
    _decide(incident, made("reject", by, reason, plan_hash=plan))


def escalate(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Hand the incident to a person; nothing further is changed."""
    _decide(incident, made("escalate", by, reason))


def cancel(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Stop the incident without changing anything further."""
    _decide(incident, made("cancel", by, reason))


def comment(
    incident: Id, text: Annotated[str, typer.Argument(help="What everybody should read.")], by: By = None
) -> None:
    """Say something about the incident without deciding."""
    _decide(incident, made("comment", by, text))


def delegate(
    incident: Id,
    to: Annotated[str, typer.Option(metavar="NAME", help="Who may decide in your place.")],
    reason: Reason = "",
    by: By = None,
) -> None:
    """Name another who may decide about the waiting plan in your place."""
    _decide(incident, made("delegate", by, reason, to=to))


def ack(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Take the incident on: nobody else is called, until it ends or your acknowledgement runs out."""
    _decide(incident, made("acknowledge", by, reason))


def unack(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Give the incident back: calls go on where they were."""
    _decide(incident, made("unacknowledge", by, reason))


def made(choice: str, by: str | None, reason: str, **more: Any) -> Decision:
    """The decision; raises WrongUse with what does not fit."""
    from pydantic import ValidationError

    from suture.cli.problems import WrongUse
    from suture.domain.decision import Decision
    from suture.domain.redaction import redact_text

    raw = {"choice": choice, "by": by or user(), "reason": redact_text(reason), **more}
    try:
        return Decision.model_validate(raw)
    except ValidationError as e:
        first = e.errors()[0]
        raise WrongUse(f"{first['loc'][0]}: {first['msg']}") from e


def _parsed(edits: list[str]) -> dict[str, Any]:
    """FIELD=VALUE pairs; a value is JSON where it can be read as such, else a text."""
    import json

    from suture.cli.problems import WrongUse

    found: dict[str, Any] = {}
    for edit in edits:
        field, equals, value = edit.partition("=")
        if not field or not equals:
            raise WrongUse(f"{edit!r} changes nothing", "write FIELD=VALUE, for example actions.0.replicas=4")
        try:
            found[field] = json.loads(value)
        except ValueError:
            found[field] = value
    return found


def _decide(incident: str, decision: Decision) -> None:
    from suture.cli import attach

    found, answer = attach.run(_send(incident, decision))
    print(f"{answer}: {found.incident_id or found.workflow_id} by {decision.by}")
    waiting = found.status.approval if found.status else None
    if waiting and decision.choice in BOUND and not decision.edits:
        print(f"  {waiting.plan.describe()} (plan {waiting.plan_hash})")


def user() -> str:
    import getpass
    import os

    return os.environ.get("SUTURE_USER") or getpass.getuser()


async def _send(incident: str, decision: Decision) -> tuple[Found, str]:
    from suture.cli import attach, lookup

    installation = attach.find()
    client = await attach.temporal(installation)
    found = await lookup.running(installation, client, incident)
    waiting = found.status.approval if found.status else None
    return found, await lookup.update(client, found, bound(decision, waiting))


def bound(decision: Decision, waiting: ApprovalRequest | None) -> Decision:
    """The decision about exactly what waits now: what is asked anew meanwhile is not meant."""
    if waiting is None or decision.choice not in BOUND:
        return decision
    named = decision.plan_hash or waiting.plan_hash
    return decision.model_copy(update={"plan_hash": named, "asked": waiting.asked})
