"""`suture approve --all`: say what would be approved, ask once, and then say it to all incidents at the same time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from suture.cli.problems import Failure, WrongUse

if TYPE_CHECKING:
    from temporalio.client import Client

    from suture.cli.lookup import Found
    from suture.domain.decision import Decision

MOST = 100_000
AT_ONCE = 64
SHOWN = 20  # lines of what would be approved; the rest is counted


def approve(decision: Decision, namespace: str | None, failure_type: str | None, yes: bool) -> None:
    """Approve every waiting plan that fits. Raises Failure when some could not be approved, with how many and why."""
    from suture.cli import attach
    from suture.domain.diagnosis import FailureType

    if failure_type is not None and failure_type not in list(FailureType):
        raise WrongUse(f"failure type {failure_type!r} is unknown", f"it is {', '.join(FailureType)}")
    attach.run(_approve(decision, namespace, failure_type, yes))


async def _approve(decision: Decision, namespace: str | None, failure_type: str | None, yes: bool) -> None:
    from suture.cli import attach, lookup

    client = await attach.temporal(attach.find())
    found = [
        f
        for f in await lookup.all_running(client, MOST)
        if f.status and f.status.phase == "waiting_for_approval" and f.status.approval
        if namespace in (None, f.status.target.namespace)
        if failure_type in (None, f.status.failure_type)
    ]
    if not found:
        print("nothing that fits waits for approval")
        return
    _tell(found)
    if yes or _agreed(len(found)):
        await _send(client, decision, found)


def _tell(found: list[Found]) -> None:
    from suture.cli.output import count

    print(f"{count(len(found), 'plan')} would be approved:")
    for one in found[:SHOWN]:
        if one.status and one.status.approval:
            plan = one.status.approval.plan
            undo = "" if plan.reversible else ", CANNOT be undone"
            print(f"  {one.incident_id}: {plan.describe()} (risk {plan.risk}{undo})")
    if len(found) > SHOWN:
        print(f"  and {len(found) - SHOWN} more (`suture incidents` lists them)")


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise WrongUse("nobody can be asked here", "add --yes to approve them all")
    return input(f"approve all {number}? [y/N] ").strip().lower() in ("y", "yes")


async def _send(client: Client, decision: Decision, found: list[Found]) -> None:
    import asyncio

    from suture.cli import lookup
    from suture.cli.decide import bound

    gate = asyncio.Semaphore(AT_ONCE)
    refusals: list[str] = []

    async def one(incident: Found) -> None:
        async with gate:
            waiting = incident.status.approval if incident.status else None
            try:
                await lookup.update(client, incident, bound(decision, waiting))
            except Failure as e:
                refusals.append(f"{incident.incident_id}: {e}")

    await asyncio.gather(*(one(incident) for incident in found))
    print(f"approved {len(found) - len(refusals)} of {len(found)} by {decision.by}")
    for refusal in refusals[:SHOWN]:
        print(f"  {refusal}")
    if refusals:
        raise Failure(f"{len(refusals)} could not be approved", "look at each with `suture show`")
