"""What an emergency does, as calls: its record, the governor's switches, changes by receipt, and people who are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.emergency import EmergencyWork, Held, HoldRequest, LiftRequest, ThrowRequest
from activities.execute import Execute, ExecuteRequest
from activities.release import Release, ReleaseRequest
from suture.domain.action import Action, Receipt, Reversibility
from suture.domain.call import Call
from suture.domain.decision import Verdict, VerdictKind
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.emergency import Prepared, target_of
from suture.domain.governor import Switch, SwitchKind, Turn
from suture.domain.incident import Attempt, IncidentRecord, Phase, Timings
from suture.domain.plan import Check, Plan
from suture.domain.redaction import redact_text
from suture.domain.report import Report
from suture.domain.stages import Outcome, Severity, Stage
from suture.domain.target import Target
from workflows import turn
from workflows.failures import cause_of

KEEP_TRYING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
SHORT = timedelta(seconds=10)  # what is cut short by a dead worker is done again after so long
TELL = timedelta(seconds=60)
REACH = timedelta(minutes=10)  # to reach a level; then the next is called all the same
HEARTBEAT = timedelta(seconds=30)
SHORTEST = 0.5  # seconds between two questions to the governor


async def prepared() -> Prepared:
    """What the installation has prepared; part of the history from now on."""
    return await workflow.execute_activity_method(
        EmergencyWork.prepared,
        start_to_close_timeout=SHORT,
        retry_policy=KEEP_TRYING,
        summary="what is prepared",
    )


def record_of(
    kind: Literal["Maintenance", "MassOutage"], cluster: str, by: str, reason: str, severity: Severity
) -> IncidentRecord:
    """An emergency's record: told, reported and remembered as an incident's is."""
    info, target = workflow.info(), target_of(cluster, kind)
    reason = redact_text(reason)
    record = IncidentRecord(
        incident_id=f"{kind.lower()}-{info.first_execution_run_id[:8]}",
        workflow_id=info.workflow_id,
        target=target,
        severity=severity,
        summary=reason,
        timings=Timings(started_at=info.start_time, detected_at=info.start_time),
    )
    report = Report(source="cli", target=target, severity=severity, reason=kind, summary=reason)
    record.take(report.model_copy(update={"received_at": info.start_time}))
    return record


class Acts:
    """Everything that is done in the name of one emergency. `show` is called whenever something was noted."""

    def __init__(self, record: IncidentRecord, prepared: Prepared, show: Callable[[], None]) -> None:
        self.record = record
        self.prepared = prepared
        self.called = False  # by the governor: it may be our turn
        self._show = show

    @property
    def now(self) -> datetime:
        return workflow.now()

    def note(self, text: str, stage: Stage | None = None, **data: Any) -> None:
        self.record.stage = stage or self.record.stage
        self.record.note(self.now, text, **data)
        self._show()

    async def open(self) -> None:
        await workflow.execute_activity_method(
            EmergencyWork.open,
            self.record,
            start_to_close_timeout=SHORT,
            retry_policy=KEEP_TRYING,
            summary="opens its record",
        )

    async def end(self, outcome: Outcome, summary: str) -> None:
        """Close the record and remember it."""
        record = self.record
        record.stage, record.outcome, record.phase = Stage.MEMORIZE, outcome, Phase.ENDED
        record.summary, record.timings.ended_at = redact_text(summary), self.now
        self.note(f"{outcome}: {record.summary}")
        await self.save()

    async def save(self) -> None:
        await workflow.execute_activity_method(
            EmergencyWork.save,
            self.record,
            start_to_close_timeout=SHORT,
            retry_policy=KEEP_TRYING,
            summary="remembers it",
        )

    # the governor's switches
    async def throw(self, switch: Switch) -> None:
        await workflow.execute_activity_method(
            EmergencyWork.throw,
            ThrowRequest(incident_id=self.record.incident_id, switch=switch),
            start_to_close_timeout=SHORT,
            retry_policy=KEEP_TRYING,
            summary=f"{switch.kind} on",
        )
        self.note(f"{switch.kind} on: {switch.reason}", Stage.EXECUTE, by=switch.by)

    async def lift(self, kind: SwitchKind, name: str, by: str, reason: str) -> None:
        request = LiftRequest(
            incident_id=self.record.incident_id, kind=kind, name=name, by=by, reason=reason, at=self.now
        )
        held = await workflow.execute_activity_method(
            EmergencyWork.lift,
            request,
            start_to_close_timeout=SHORT,
            retry_policy=KEEP_TRYING,
            summary=f"{kind} off",
        )
        self.note(f"{kind} off" if held else f"{kind} was off already", Stage.EXECUTE, by=by)

    # changes
    def attempt(self, cause: str, actions: Sequence[Action], checks: Sequence[Check] = ()) -> Attempt:
        """What is about to be done, kept in the record."""
        plan = Plan(actions=list(actions), checks=list(checks))
        hypothesis = Hypothesis(
            id=plan.hash,
            failure_type=FailureType.UNKNOWN,
            origin="person",
            cause=redact_text(cause),
            confidence=1,
            plan=plan,
        )
        made = Attempt(hypothesis=hypothesis, started_at=self.now)
        self.record.attempts.append(made)
        return made

    async def execute(self, attempt: Attempt, step: int) -> Receipt:
        """Carry out one action of the attempt, by a person's word, for as long as it takes. Raises ActivityError when it is
        refused for good."""
        plan = attempt.hypothesis.plan
        assert plan is not None  # noqa: S101 - made with one
        number = self.record.attempts.index(attempt)
        key = f"{self.record.workflow_id}/{self.record.incident_id}/{number}/{step}/{plan.hash}"
        asked = self._turn(plan.actions, f"{number}/{plan.hash}", step)
        receipt = await self._in_turn(plan.actions[step], key, asked)
        attempt.receipts.append(receipt)
        self.record.timings.acted_at = self.record.timings.acted_at or self.now
        did = "did" if receipt.changed else "nothing to do:"
        self.note(f"{did} {receipt.action.describe()}", Stage.EXECUTE, receipt=receipt.key)
        return receipt

    async def undo(self, attempt: Attempt) -> list[str]:
        """Undo by the receipts, newest first; returns what could not be undone."""
        left: list[str] = []
        for receipt in reversed([r for r in attempt.receipts if r.changed]):
            if not receipt.undo and receipt.action.reversibility is Reversibility.UNDO:
                left.append(
                    f"{receipt.action.describe()}: {receipt.note or 'there is nothing to undo it with'}"
                )
            for number, action in enumerate(receipt.undo):
                asked = self._turn([action], "", 0).model_copy(update={"undo": True})
                try:
                    done = await self._in_turn(action, f"{receipt.key}/undo{number}", asked)
                    attempt.undone.append(done)
                    self.note(f"undone: {receipt.action.describe()}", Stage.EXECUTE, receipt=done.key)
                except ActivityError as e:
                    left.append(f"{receipt.action.describe()}: {cause_of(e)}")
        return left

    def _turn(self, actions: Sequence[Action], plan: str, step: int) -> Turn:
        record = self.record
        of = actions[step].object
        return Turn(
            holder=record.workflow_id,
            incident_id=record.incident_id,
            target=Target(cluster=record.target.cluster, namespace=of.namespace, kind=of.kind, name=of.name),
            severity=record.severity,
            kinds=[a.kind for a in actions],
            objects=[a.object for a in actions],
            plan=plan,
            step=step,
            by_person=True,
        )

    async def _in_turn(self, action: Action, key: str, asked: Turn) -> Receipt:
        """Ask the governor with each try; the key is the same, so nothing happens twice."""
        ordered = Verdict(
            kind=VerdictKind.APPROVED, plan=Plan(actions=[action]), reasons=["a person ordered it"]
        )
        request = ExecuteRequest(
            incident_id=self.record.incident_id,
            key=key,
            action=action,
            turn=asked,
            verdict=None if asked.undo else ordered,
            undo=asked.undo,
        )
        while True:
            try:
                return await workflow.execute_activity_method(
                    Execute.execute,
                    request,
                    task_queue=self.prepared.actions_queue or None,
                    start_to_close_timeout=SHORT,
                    retry_policy=KEEP_TRYING,
                    summary=("undo: " if asked.undo else "") + action.describe(),
                )
            except ActivityError as e:
                admission = turn.refusal(e)
                if admission is None:
                    raise
                await self._wait(admission.retry_seconds, "; ".join(admission.reasons))

    async def _wait(self, seconds: float, why: str) -> None:
        text = f"waits for its turn: {why}"
        if text not in {e.text for e in self.record.timeline[-10:]}:
            self.note(text)
        self.called = False
        try:
            await workflow.wait_condition(
                lambda: self.called,
                timeout=timedelta(seconds=max(seconds, SHORTEST)),
                timeout_summary=text[:100],
            )
        except TimeoutError:
            return

    async def release(self) -> None:
        await workflow.execute_activity_method(
            Release.release,
            ReleaseRequest(holder=self.record.workflow_id),
            start_to_close_timeout=SHORT,
            retry_policy=KEEP_TRYING,
            summary="the next one's turn",
        )

    async def hold(self, checks: Sequence[Check], stable_for: float, within: float) -> Held:
        """Whether the checks hold, and go on holding; a cluster that does not answer is waited for."""
        return await workflow.execute_activity_method(
            EmergencyWork.hold,
            HoldRequest(checks=list(checks), stable_for=stable_for, timeout=within),
            start_to_close_timeout=timedelta(seconds=within + stable_for + 60),
            heartbeat_timeout=HEARTBEAT,
            retry_policy=KEEP_TRYING,
            summary="does it hold?",
        )

    # people
    async def call(self, step: str, level: str, subject: str, text: str) -> list[str]:
        """Who was told; nobody when the level cannot be reached."""
        record = self.record
        summons = Call(
            story_id=record.incident_id,
            step=step,
            level=level,
            severity=record.severity,
            subject=redact_text(subject),
            text=redact_text(text),
        )
        try:
            who = await workflow.execute_activity_method(
                EmergencyWork.call_level,
                summons,
                start_to_close_timeout=TELL,
                schedule_to_close_timeout=REACH,
                retry_policy=KEEP_TRYING,
                summary=f"calls {level}",
            )
        except ActivityError as e:
            self.note(f"{level} could not be reached: {cause_of(e)}")
            return []
        self.note(f"{level} was called: {', '.join(who)}")
        return who
