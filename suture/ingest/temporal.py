"""Reports reach workflows: one signal-with-start on the id of the target's incident, whether or not it runs.

The reports travel in the signal only. The start's own input says that they come (`awaits_report`), so that
the first report isn't counted twice, and a running incident gets exactly what a new one would.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from suture.domain.errors import Invalid, SutureError, Unavailable
from suture.domain.incident import IncidentStart, IncidentStatus, Options
from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from suture.domain.visibility import SearchAttribute
from suture.ingest.search_attributes import ensure_search_attributes, of_report

__all__ = ["TemporalIncidents", "ensure_search_attributes"]

log = structlog.get_logger(__name__)

WORKFLOW = "Incident"
SIGNAL = "report"
STATUS = "status"
TURN = "turn"
OPEN = f"WorkflowType = '{WORKFLOW}' AND ExecutionStatus = 'Running'"
POLLED = timedelta(seconds=70)
RPC_TIMEOUT = timedelta(seconds=5)
SIGNAL_BYTES = 500_000  # Temporal warns at 256 KiB and refuses a payload at 2 MiB
SUMMARY_BYTES, DETAILS_BYTES = 300, 8_000  # the server takes 400 and 20,000, counted as JSON
_CREDENTIALS = "Temporal refuses these credentials: check TEMPORAL_API_KEY or the TLS files"
_REASONS = {
    RPCStatusCode.UNAVAILABLE: "Temporal does not answer",
    RPCStatusCode.DEADLINE_EXCEEDED: "Temporal did not answer in time",
    RPCStatusCode.CANCELLED: "Temporal did not answer in time",
    RPCStatusCode.RESOURCE_EXHAUSTED: "Temporal is overloaded",
    RPCStatusCode.NOT_FOUND: "Temporal does not know the namespace: create it, or set TEMPORAL_NAMESPACE",
    RPCStatusCode.PERMISSION_DENIED: _CREDENTIALS,
    RPCStatusCode.UNAUTHENTICATED: _CREDENTIALS,
}


class TemporalIncidents:
    """`ports.Incidents` over a Temporal client.

    `options` are what new incidents get (None: what the worker says); `ui_url` is where Temporal's web interface is.
    """

    def __init__(
        self, client: Client, task_queue: str, options: Options | None = None, ui_url: str = ""
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._options = options
        self._ui_url = ui_url.rstrip("/")

    async def report(self, target: Target, batch: ReportBatch) -> str:
        """The workflow id, once the server has the reports.

        Raises Unavailable when it hasn't taken them (send them again), Invalid when it never will.
        """
        for part in split(batch):
            await self._send(target, part)
        return target.workflow_id

    async def resolved(self, target: Target, batch: ReportBatch) -> bool:
        """Signal a running incident; False when none runs: the end of trouble starts nothing.

        Raises as report does.
        """
        handle = self._client.get_workflow_handle(target.workflow_id)
        try:
            for part in split(batch):
                await handle.signal(SIGNAL, part, rpc_timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as e:
            if _not_running(e):
                return False
            raise explain(e) from e
        return True

    async def is_open(self, target: Target) -> bool:
        """Whether an incident of this target runs and has no outcome yet. Raises Unavailable."""
        handle = self._client.get_workflow_handle(target.workflow_id)
        try:
            if (await handle.describe(rpc_timeout=RPC_TIMEOUT)).status is not WorkflowExecutionStatus.RUNNING:
                return False
            status = await handle.query(STATUS, result_type=IncidentStatus, rpc_timeout=RPC_TIMEOUT)
        except WorkflowQueryFailedError:
            return True
        except (RPCError, RuntimeError) as e:
            if _not_running(e):
                return False
            raise explain(e) from e
        return status.outcome is None

    async def runs(self, workflow_id: str) -> bool:
        """Whether this incident's workflow runs. Raises Unavailable."""
        try:
            found = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as e:
            if _not_running(e):
                return False
            raise explain(e) from e
        return found.status is WorkflowExecutionStatus.RUNNING

    async def call(self, workflow_id: str) -> bool:
        """Tell a waiting incident that it is its turn; False when it does not run. Raises Unavailable."""
        try:
            await self._client.get_workflow_handle(workflow_id).signal(TURN, rpc_timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as e:
            if _not_running(e):
                return False
            raise explain(e) from e
        return True

    async def ready(self) -> None:
        """Returns when the server answers and knows the namespace; raises Unavailable."""
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        try:
            await self._client.workflow_service.describe_namespace(request, timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e

    async def open_count(self) -> int:
        """How many incidents run now, as far as the server's list knows. Raises Unavailable."""
        try:
            return (await self._client.count_workflows(OPEN, rpc_timeout=RPC_TIMEOUT)).count
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e

    async def waiting_count(self, longer_than: float, called: bool = False) -> int:
        """How many incidents wait for a person (`called`: whom they have called) and began so many seconds ago.

        Raises Unavailable. 0 on a server that does not know the engine's search attributes.
        """
        if not (self._options and self._options.search_attributes):
            return 0
        before = datetime.now(UTC) - timedelta(seconds=longer_than)
        others = ["''", "'turn'", *(["'approver'"] if called else [])]
        waits = f"{SearchAttribute.WAITING_FOR} IS NOT NULL AND {SearchAttribute.WAITING_FOR} NOT IN ({', '.join(others)})"
        query = f"{OPEN} AND {waits} AND StartTime <= '{before.isoformat()}'"
        try:
            return (await self._client.count_workflows(query, rpc_timeout=RPC_TIMEOUT)).count
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e

    async def worker_counts(self) -> dict[str, int]:
        """Pollers by task queue, those of the last `POLLED` only: a long poll ends after a minute. Raises Unavailable."""
        actions = self._options.actions_queue if self._options else ""
        kinds = {self._task_queue: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW}
        if actions:
            kinds[actions] = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
        return {queue: await self._pollers(queue, kind) for queue, kind in kinds.items()}

    async def _pollers(self, queue: str, kind: TaskQueueType.ValueType) -> int:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        try:
            told = await self._client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT)
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e
        oldest = datetime.now(UTC) - POLLED
        seen = [p for p in told.pollers if p.last_access_time.ToDatetime(UTC) > oldest]
        return len({p.identity for p in seen})

    def link(self, workflow_id: str) -> str:
        """The incident's page in Temporal's web interface; an empty text when its address isn't known."""
        if not self._ui_url:
            return ""
        namespace, name = quote(self._client.namespace, safe=""), quote(workflow_id, safe="")
        return f"{self._ui_url}/namespaces/{namespace}/workflows/{name}"

    async def _send(self, target: Target, batch: ReportBatch) -> None:
        try:
            await self._signal_with_start(target, batch, self._options)
        except (RPCError, RuntimeError) as e:
            unknown = "search attribute" in str(e).lower()
            if not (unknown and self._options and self._options.search_attributes):
                raise explain(e) from e
            log.warning("the server does not know the search attributes: started without", reason=str(e))
            await self._send_plain(target, batch, self._options)

    async def _send_plain(self, target: Target, batch: ReportBatch, options: Options) -> None:
        try:
            plain = options.model_copy(update={"search_attributes": False})
            await self._signal_with_start(target, batch, plain)
        except (RPCError, RuntimeError) as e:
            raise explain(e) from e

    async def _signal_with_start(self, target: Target, batch: ReportBatch, options: Options | None) -> None:
        first = batch.reports[0]
        await self._client.start_workflow(
            WORKFLOW,
            IncidentStart(target=target, severity=first.severity, options=options, awaits_report=True),
            id=target.workflow_id,
            task_queue=self._task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=SIGNAL,
            start_signal_args=[batch],
            search_attributes=of_report(first) if options and options.search_attributes else None,
            static_summary=summary_of(target, first),
            static_details=details_of(target, first),
            rpc_timeout=RPC_TIMEOUT,
        )


def explain(error: Exception) -> SutureError:
    """What an error of the client means for a sender: only an invalid request is the sender's own fault."""
    if not isinstance(error, RPCError):
        return Unavailable(f"Temporal does not answer: {error}")
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return Invalid(f"Temporal refuses the report: {error.message}")
    reason = _REASONS.get(error.status, f"Temporal failed ({error.status.name.lower()})")
    return Unavailable(f"{reason} ({error.message})")


def _not_running(error: Exception) -> bool:
    # an unknown namespace is "not found" too, but that is no answer about the workflow
    if not isinstance(error, RPCError) or error.status is not RPCStatusCode.NOT_FOUND:
        return False
    return "namespace" not in error.message.lower()


def split(batch: ReportBatch, limit: int = SIGNAL_BYTES) -> Iterator[ReportBatch]:
    """The batch in pieces that fit into a signal each."""
    part: list[Report] = []
    size = 0
    for report in batch.reports:
        more = len(report.model_dump_json())
        if part and size + more > limit:
            yield ReportBatch(reports=part)
            part, size = [], 0
        part.append(report)
        size += more
    yield ReportBatch(reports=part)


def summary_of(target: Target, first: Report) -> str:
    """One line for Temporal's list of workflows."""
    return clip(f"{first.severity.value}: {target}: {_plain(first.reason)}", SUMMARY_BYTES)


def details_of(target: Target, first: Report) -> str:
    """What a person reads first on the workflow's page, as Markdown."""
    said = first.summary or first.reason
    since = f", since {first.starts_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if first.starts_at else ""
    lines = [
        f"**{_plain(str(target))}** in {_plain(target.system)} {_plain(target.cluster)}",
        f"Severity **{first.severity.value}**, first reported by {_plain(first.source)}"
        f" as **{_plain(first.reason)}**" + since,
        f"> {_plain(said)}",
    ]
    return clip("\n\n".join(lines), DETAILS_BYTES)


def clip(text: str, limit: int) -> str:
    """As much of a text as takes at most `limit` bytes as JSON."""
    if _json_bytes(text) <= limit:
        return text
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _json_bytes(text[:middle] + "…") <= limit else (low, middle - 1)
    return text[:low] + "…"


def _json_bytes(text: Any) -> int:
    # control characters take six bytes as JSON, quotes and backslashes two
    return sum(6 if c < " " else 2 if c in '"\\' else len(c.encode("utf-8", "replace")) for c in text) + 2


def _plain(text: str) -> str:
    """A sender's words on one line, without Markdown or HTML of their own."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))
