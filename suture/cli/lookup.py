"""Running incidents, listed and asked through Temporal: it knows them even when the database is away."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from suture.cli.problems import Failure, WrongUse
from suture.domain.incident import IncidentRecord, IncidentStatus
from suture.domain.target import Target

if TYPE_CHECKING:
    from temporalio.client import Client

    from suture.cli.attach import Installation
    from suture.domain.decision import Decision

RUNNING = "WorkflowType = 'Incident' AND ExecutionStatus = 'Running'"
QUERY_SECONDS = timedelta(seconds=4)
DECIDE_SECONDS = 15.0
AT_ONCE = 16
_END = re.compile(r"[0-9a-f]{0,8}")  # of an incident id, after the target's name
NO_WORKER = "the engine does not answer: is `suture up` running? (`suture status` tells)"


@dataclass(frozen=True)
class Found:
    """One incident that runs. `status` is None when no worker answers its query."""

    workflow_id: str
    started_at: datetime | None = None
    status: IncidentStatus | None = None

    @property
    def incident_id(self) -> str:
        return self.status.incident_id if self.status else ""


async def all_running(client: Client, limit: int) -> list[Found]:
    """The newest running incidents with their status."""
    listed = [(w.id, w.start_time) async for w in client.list_workflows(RUNNING, limit=limit)]
    return await _asked(client, listed)


async def running(installation: Installation, client: Client, text: str) -> Found:
    """The one running incident that the text names. Raises Failure when there is none, or several."""
    workflow_id = workflow_id_of(text, installation.settings.cluster)
    if workflow_id:
        found = Found(workflow_id, status=await status(client, workflow_id))
        return found
    listed = [(w.id, w.start_time) async for w in client.list_workflows(RUNNING) if may_be(text, w.id)]
    return only(text, [f for f in await _asked(client, listed) if f.incident_id.startswith(text)])


def workflow_id_of(text: str, cluster: str) -> str | None:
    """The workflow id when the text is one or names a target; None when it begins an incident id."""
    if text.startswith("incident/"):
        return text
    if "/" not in text:
        return None
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise WrongUse(
            f"{text!r} names no incident", "write namespace/kind/name, for example shop/deployment/cart"
        )
    return Target(cluster=cluster, namespace="/".join(parts[:-2]), kind=parts[-2], name=parts[-1]).workflow_id


def may_be(text: str, workflow_id: str) -> bool:
    """Whether an incident id that begins with the text can belong to this workflow (NAME-8hex)."""
    stem = workflow_id.rpartition("/")[2][:40] + "-"
    return stem.startswith(text) or (text.startswith(stem) and bool(_END.fullmatch(text[len(stem) :])))


def only(text: str, found: list[Found]) -> Found:
    if not found:
        raise Failure(f"no running incident begins with {text!r}", "`suture incidents` lists them")
    if len(found) > 1:
        names = ", ".join(f.incident_id for f in found[:5])
        raise Failure(f"{text!r} is not unique: {names}", "write more of the id")
    return found[0]


async def status(client: Client, workflow_id: str) -> IncidentStatus | None:
    """What the workflow says of itself; None when no worker answers. Raises Failure when there is none."""
    from temporalio.client import WorkflowQueryFailedError
    from temporalio.service import RPCError, RPCStatusCode

    try:
        handle = client.get_workflow_handle(workflow_id)
        answer: IncidentStatus = await handle.query(
            "status", result_type=IncidentStatus, rpc_timeout=QUERY_SECONDS
        )
        return answer
    except WorkflowQueryFailedError:
        return None
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            raise _nothing_there(workflow_id) from e
        return None


async def record(client: Client, workflow_id: str) -> IncidentRecord | None:
    """Everything the workflow knows; None when there is none or no worker answers."""
    from temporalio.client import WorkflowQueryFailedError
    from temporalio.service import RPCError

    try:
        handle = client.get_workflow_handle(workflow_id)
        answer: IncidentRecord = await handle.query(
            "record", result_type=IncidentRecord, rpc_timeout=QUERY_SECONDS
        )
        return answer
    except (WorkflowQueryFailedError, RPCError):
        return None


async def update(client: Client, found: Found, decision: Decision) -> str:
    """Send a decision; raises Failure with the workflow's own reason when it is refused."""
    from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
    from temporalio.service import RPCError, RPCStatusCode

    handle = client.get_workflow_handle(found.workflow_id)
    try:
        async with asyncio.timeout(DECIDE_SECONDS):
            answer: str = await handle.execute_update("decide", decision, result_type=str)
            return answer
    except WorkflowUpdateFailedError as e:
        name = found.incident_id or found.workflow_id
        raise Failure(f"refused: {reason(e)}", f"`suture show {name}` tells where it stands") from e
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as e:
        raise Failure(NO_WORKER) from e
    except RPCError as e:
        if e.status is RPCStatusCode.NOT_FOUND:
            raise _nothing_there(found.workflow_id) from e
        raise Failure(f"Temporal refused: {e.message}") from e


def reason(error: Exception) -> str:
    """The workflow's own words, without the type of its error."""
    cause = getattr(error, "cause", None)
    return str(getattr(cause, "message", None) or cause or error)


def _nothing_there(workflow_id: str) -> Failure:
    return Failure(f"no incident {workflow_id} is running", "`suture incidents` lists them")


async def _asked(client: Client, listed: Iterable[tuple[str, datetime]]) -> list[Found]:
    gate = asyncio.Semaphore(AT_ONCE)
    silent = False

    async def ask(workflow_id: str, started: datetime) -> Found:
        nonlocal silent
        async with gate:
            answer = None
            if not silent:  # one unanswered query is enough: without a worker each would wait in vain
                try:
                    answer = await status(client, workflow_id)
                    silent = answer is None
                except Failure:  # it ended between the list and the question
                    return Found("")
            return Found(workflow_id, started, answer)

    asked = await asyncio.gather(*(ask(*one) for one in listed))
    return [f for f in asked if f.workflow_id]
