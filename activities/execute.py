"""execute: carry out one action exactly once, whatever dies in between.

The order is the guarantee: ask the governor (no turn, no change) -> prepare (reads only) -> write the prepared receipt into
the journal -> apply (which finds its own mark on the target when it is repeated) -> close the journal. A repeat after a
crash takes up the receipt that was written first, so that the undo still describes the state before the very first try.
"""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity

from activities.release import look_after
from policies.guardrails import Guardrails, covered
from suture.diagnosis.impact import impact
from suture.domain.action import Action, Receipt
from suture.domain.decision import Verdict
from suture.domain.errors import Invalid, NotAdmitted, SutureError
from suture.domain.governor import AdmissionState, Turn
from suture.domain.plan import Plan
from suture.ports import Cluster, Counters, Governor, IncidentServer, JournalEntry, Memory


class ExecuteRequest(BaseModel):
    """One action under its idempotency key (workflow, attempt, step, plan: never the try), and the turn it needs."""

    incident_id: str
    key: str
    action: Action
    turn: Turn | None = None  # a preview needs none, a change does
    verdict: Verdict | None = None
    undo: bool = False


class Execute:
    """The only place from which targets are changed."""

    def __init__(
        self,
        cluster: Cluster,
        memory: Memory,
        guardrails: Guardrails,
        counters: Counters,
        governor: Governor,
        incidents: IncidentServer,
    ) -> None:
        self._cluster = cluster
        self._memory = memory
        self._guardrails = guardrails
        self._counters = counters
        self._governor = governor
        self._incidents = incidents

    @activity.defn(name="execute")
    async def execute(self, request: ExecuteRequest) -> Receipt:
        """Raises NotAdmitted, Forbidden, TargetNotFound, PreconditionFailed, Invalid (permanent), Unavailable, Conflict
        (retried).
        """
        entry = await self._memory.journal(request.key)
        if entry and entry.done:
            return entry.receipt
        try:
            await self._guard(request)
            await self._admit(request.turn)
            receipt = entry.receipt if entry else await self._prepare(request)
        except NotAdmitted:
            raise
        except SutureError:
            self._counters.record_action(request.action.kind, "refused")
            raise
        return await self._apply(request, receipt)

    @activity.defn(name="preview")
    async def preview(self, request: ExecuteRequest) -> Receipt:
        """What the action would change, by the server's dry run; nothing is written. Raises as execute does."""
        self._guardrails.check(request.action)
        return await self._cluster.prepare(request.action, request.key, dry_run=True)

    @activity.defn(name="recall")
    async def recall(self, key: str) -> JournalEntry | None:
        """What is known of an action whose execution gave no answer; None when it was never begun. Raises Unavailable."""
        return await self._memory.journal(key)

    async def _guard(self, request: ExecuteRequest) -> None:
        """Guardrails on a fresh reading: what the plan was decided on may be minutes or days old."""
        if not request.undo:
            covered(request.action, request.verdict)
        self._guardrails.check(request.action, request.undo)
        snapshot = await self._cluster.snapshot(request.action.object.namespace)
        reach = impact(snapshot, Plan(actions=[request.action])).actions[0]
        self._guardrails.check(request.action, request.undo, reach)

    async def _admit(self, turn: Turn | None) -> None:
        """Raises NotAdmitted. Before somebody waits, those who hold things up are looked after: they may be dead."""
        if turn is None:
            raise Invalid("nothing is changed without a turn of the governor")
        admission = await self._governor.admit(turn)
        if admission.state is AdmissionState.WAIT and await look_after(self._governor, self._incidents):
            admission = await self._governor.admit(turn)
        self._counters.record_admission(str(admission.state))
        if admission.state is not AdmissionState.GRANTED:
            raise NotAdmitted(admission)

    async def _prepare(self, request: ExecuteRequest) -> Receipt:
        prepared = await self._cluster.prepare(request.action, request.key)
        return await self._memory.begin_action(request.incident_id, prepared, request.verdict)

    async def _apply(self, request: ExecuteRequest, receipt: Receipt) -> Receipt:
        """A permanent error closes the journal; what may still succeed leaves it open for the next try."""
        try:
            receipt = await self._cluster.apply(receipt)
        except SutureError as e:
            if e.permanent:
                await self._memory.end_action(request.key, None, f"{type(e).__name__}: {e}")
                self._counters.record_action(request.action.kind, "failed")
            raise
        await self._memory.end_action(request.key, receipt)
        self._counters.record_action(request.action.kind, "success")
        return receipt
