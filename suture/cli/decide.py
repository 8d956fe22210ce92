"""`suture approve`, `reject`, `escalate`, `cancel`: one validated update, so a refusal is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from suture.cli.lookup import Found
    from suture.domain.decision import Decision

Choice = Literal["approve", "reject", "escalate", "cancel"]
Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="Incident id or its beginning, workflow id, or namespace/kind/name."),
]
Reason = Annotated[str, typer.Option(help="Why; kept with the incident.")]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; default: $SUTURE_USER, then $USER.")
]
PlanHash = Annotated[str, typer.Option("--plan", metavar="HASH", help="Only if this is still the plan.")]
BOUND = ("approve", "reject")  # decisions about one plan


def approve(incident: Id, reason: Reason = "", by: By = None, plan: PlanHash = "") -> None:
    """Let the waiting plan run."""
    _decide("approve", incident, reason, by, plan)


def reject(incident: Id, reason: Reason = "", by: By = None, plan: PlanHash = "") -> None:
    """Refuse the waiting plan; the next hypothesis is tried."""
    _decide("reject", incident, reason, by, plan)


def escalate(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Hand the incident to a person; nothing further is changed."""
    _decide("escalate", incident, reason, by, "")


def cancel(incident: Id, reason: Reason = "", by: By = None) -> None:
    """Stop the incident without changing anything further."""
    _decide("cancel", incident, reason, by, "")


def _decide(choice: Choice, incident: str, reason: str, by: str | None, plan: str) -> None:
    from pydantic import ValidationError

    from suture.cli import attach
    from suture.cli.problems import WrongUse
    from suture.domain.decision import Decision
    from suture.domain.redaction import redact_text

    try:
        decision = Decision(choice=choice, by=by or _user(), reason=redact_text(reason), plan_hash=plan)
    except ValidationError as e:
        first = e.errors()[0]
        raise WrongUse(f"{first['loc'][0]}: {first['msg']}") from e
    found, answer = attach.run(_send(incident, decision))
    print(f"{answer}: {found.incident_id or found.workflow_id} by {decision.by}")
    waiting = found.status.approval if found.status else None
    if waiting and choice in BOUND:
        print(f"  {waiting.plan.describe()} (plan {waiting.plan_hash})")


def _user() -> str:
    import getpass
    import os

    return os.environ.get("SUTURE_USER") or getpass.getuser()


async def _send(incident: str, decision: Decision) -> tuple[Found, str]:
    from suture.cli import attach, lookup

    installation = attach.find()
    client = await attach.temporal(installation)
    found = await lookup.running(installation, client, incident)
    waiting = found.status.approval if found.status else None
    # what is made anew meanwhile is not meant
    if waiting and decision.choice in BOUND and not decision.plan_hash:
        decision = decision.model_copy(update={"plan_hash": waiting.plan_hash})
    return found, await lookup.update(client, found, decision)
