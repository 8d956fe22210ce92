"""The demo's question to the person at the terminal, and the answer it gives itself when nobody is there."""

from __future__ import annotations

import asyncio
import getpass
import os
import select
import sys

from rich.console import Console
from rich.markup import escape
from temporalio.client import Client

from suture.cli import lookup
from suture.domain.decision import Decision
from suture.domain.incident import IncidentRecord

SECONDS_WITH_TERMINAL = 10
SECONDS_WITHOUT = 3


async def settle(out: Console, client: Client, record: IncidentRecord) -> None:
    """Show the plan, ask, and send the decision the way `suture approve` does."""
    request = record.approval
    if request is None:
        return
    out.print(f"  a person is asked: {escape(request.plan.describe())}", soft_wrap=True)
    out.print(f"  because {escape('; '.join(request.reasons))}", soft_wrap=True)
    said = await asyncio.to_thread(_answer, out)
    decision = _decision(said, request.plan_hash)
    if said is None:
        out.print(
            f"  nobody answered: the demo approves by itself, as `suture approve {record.incident_id}` would"
        )
    found = lookup.Found(record.workflow_id)
    await lookup.update(client, found, decision)


def _decision(said: bool | None, plan_hash: str) -> Decision:
    by = "the demo" if said is None else os.environ.get("SUTURE_USER") or getpass.getuser()
    reason = "nobody answered in time" if said is None else "answered in the demo"
    return Decision(
        choice="reject" if said is False else "approve", by=by, reason=reason, plan_hash=plan_hash
    )


def _answer(out: Console) -> bool | None:
    """Yes, no, or None when nobody says anything in time."""
    talks = sys.stdin.isatty() and out.is_terminal
    seconds = SECONDS_WITH_TERMINAL if talks else SECONDS_WITHOUT
    out.print(
        f"  approve? [Y/n] (in {seconds} s the demo says yes) ", end="" if talks else "\n", markup=False
    )
    if not talks:
        select.select([], [], [], seconds)
        return None
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    if not readable:
        out.print()
        return None
    return not sys.stdin.readline().strip().lower().startswith("n")
