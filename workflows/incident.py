"""The workflow `Incident`: one cause, one workflow, seven stages; people and reports reach it by signal and update."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from suture.domain.decision import Decision
    from suture.domain.diagnosis import Health
    from suture.domain.incident import (
        IncidentRecord,
        IncidentResult,
        IncidentStart,
        IncidentStatus,
        Phase,
        TimelineEntry,
    )
    from suture.domain.report import ReportBatch
    from suture.domain.stages import Outcome, Stage
    from workflows import approval, escalation, steps, visibility
    from workflows.healing import Healing
    from workflows.post_incident import follow_up
    from workflows.story import Story


def _read(start: Any) -> IncidentStart:
    """A start by hand may hold anything: what makes no sense fails at once with the reason, instead of being retried for ever."""
    try:
        return IncidentStart.model_validate(start)
    except ValidationError as e:
        raise ApplicationError(
            f"the input is not a valid incident: {brief(e)}", type="Invalid", non_retryable=True
        ) from None


def brief(error: ValidationError) -> str:
    """What is wrong, without the input itself (which may hold secrets)."""
    return "; ".join(f"{'.'.join(map(str, x['loc'])) or 'input'}: {x['msg']}" for x in error.errors()[:5])


@workflow.defn(name="Incident")
class Incident:
    """Detect, classify, route, approve, execute, verify, memorize; then a cooldown in which echoes join."""

    @workflow.init
    def __init__(self, start: Any = None) -> None:
        read = _read(start)
        if read.carried is not None and not workflow.info().continued_run_id:
            raise ApplicationError("an incident cannot start with a past", type="Invalid", non_retryable=True)
        self.story = Story(read)

    @workflow.run
    async def run(self, _start: Any = None) -> IncidentResult:
        """Input: an IncidentStart as JSON. Returns the outcome; ends only through memorize, whatever happens in between."""
        story, record = self.story, self.story.record
        if story.start.options is None:
            story.options = await steps.options()
        if not record.report_count:
            await workflow.wait_condition(
                lambda: record.report_count > 0
            )  # the signal that started it is on its way
        story_told = asyncio.create_task(self._tell())
        try:
            await asyncio.shield(story_told)
        except asyncio.CancelledError:
            self._cancelled()
            await story_told
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._result()

    async def _tell(self) -> None:
        story, record = self.story, self.story.record
        if record.outcome is None:
            self._end(await Healing(story).run())
            with story.stage(Stage.MEMORIZE):
                await steps.memorize(record)
                await follow_up(record, self.story.options)
        followed = record.over_at is None
        if await escalation.follow(story):
            await steps.memorize(record, again=True)
            self._begin_anew()
        if followed and record.over_at is not None:
            await steps.memorize(record, again=True)
        await self._cooldown()

    def _cancelled(self) -> None:
        """Temporal's own cancellation is one more way to say cancel: an incident ends only through memorize."""
        self.story.cancelled = True
        if self.story.record.outcome is None:
            approval.take(self.story, Decision(choice="cancel", by="a cancellation in Temporal"))

    def _end(self, outcome: Outcome) -> None:
        record = self.story.record
        record.outcome, record.phase, record.approval = outcome, Phase.COOLDOWN, None
        record.reports_at_end = record.report_count
        record.timings.ended_at = self.story.now
        record.stage = Stage.MEMORIZE
        self.story.note(f"{outcome}: {record.summary}")
        if self.story.options.search_attributes:
            visibility.index(record)

    async def _cooldown(self) -> None:
        """Echoes of the same alert join here. If the trouble turns out to be back at the end, a new incident takes over."""
        story, record = self.story, self.story.record
        over = record.over_at or record.timings.ended_at or story.now
        left = story.options.cooldown - (story.now - over).total_seconds()
        if left > 0:
            await story.wait(lambda: story.cancelled, left, "cooldown: echoes join")
        record.phase = Phase.ENDED
        visibility.show(record)
        if record.report_count > record.reports_at_end:
            await steps.memorize(record, again=True)
            if await self._relapsed():
                self._begin_anew()

    def _begin_anew(self) -> None:
        """A new incident takes over with the alerts that fire. Does not return."""
        record = self.story.record
        again = [r.model_copy(update={"count": 1}) for r in record.reports]
        start = IncidentStart(target=record.target, reports=again, options=self.story.options)
        workflow.continue_as_new(start)

    async def _relapsed(self) -> bool:
        """Whether the echoes were right: the target is in trouble again. What a person was called for is theirs until it ends."""
        record = self.story.record
        if record.resolved or (record.outcome is Outcome.ESCALATED and not record.cleared):
            return False
        try:
            return (await steps.detect(self.story)).health is Health.UNHEALTHY
        except ActivityError:
            return True

    def _result(self) -> IncidentResult:
        record = self.story.record
        same = {
            name: getattr(record, name) for name in ("incident_id", "failure_type", "summary", "report_count")
        }
        return IncidentResult(outcome=record.outcome or Outcome.FAILED, attempts=len(record.attempts), **same)

    @workflow.signal
    def report(self, batch: Any = None) -> None:
        """More reports of the same cause (a ReportBatch); a resolved one may end the incident."""
        self.story.signals += 1
        try:
            reports = ReportBatch.model_validate(batch).reports
        except ValidationError as e:
            self.story.note(f"a report that makes no sense was left out: {brief(e)}")
            return
        for report in reports:
            self.story.record.take(report)

    @workflow.signal
    def turn(self) -> None:
        """It may be this incident's turn to act: ask the governor again."""
        self.story.signals += 1
        self.story.called = True

    @workflow.signal
    def approve(self, decision: Any = None) -> None:
        """Approve the plan that waits, with `edits` if need be. Input of this and the next ones: a Decision."""
        self._signalled(decision, "approve")

    @workflow.signal
    def reject(self, decision: Any = None) -> None:
        """Refuse the plan that waits; the next hypothesis is tried."""
        self._signalled(decision, "reject")

    @workflow.signal
    def escalate(self, decision: Any = None) -> None:
        """Hand the incident to a person."""
        self._signalled(decision, "escalate")

    @workflow.signal
    def cancel(self, decision: Any = None) -> None:
        """Stop without changing anything further."""
        self._signalled(decision, "cancel")

    def _signalled(self, raw: Any, choice: str) -> None:
        self.story.signals += 1
        try:
            decision = Decision.model_validate({"choice": choice, **raw} if isinstance(raw, dict) else raw)
        except ValidationError as e:
            self.story.note(f"{choice} by signal has no effect: {brief(e)}")
            return
        mixed = f"it says {decision.choice}" if decision.choice != choice else None
        refused = mixed or approval.objection(self.story, decision)
        if refused:
            self.story.note(f"{choice} by {decision.by} has no effect: {refused}")
        else:
            approval.take(self.story, decision)

    @workflow.signal
    def comment(self, decision: Any = None) -> None:
        """Say something about the plan that waits, without deciding."""
        self._signalled(decision, "comment")

    @workflow.signal
    def delegate(self, decision: Any = None) -> None:
        """Name another (`to`) who may decide about the plan that waits in your place."""
        self._signalled(decision, "delegate")

    @workflow.signal
    def acknowledge(self, decision: Any = None) -> None:
        """Take the incident on: nobody else is called, until it ends or the acknowledgement runs out."""
        self._signalled(decision, "acknowledge")

    @workflow.signal
    def unacknowledge(self, decision: Any = None) -> None:
        """Give it back: calls go on where they were."""
        self._signalled(decision, "unacknowledge")

    @workflow.update
    async def decide(self, decision: Any = None) -> str:
        """The same as the signals, with an answer: refused before it enters the history when it cannot be taken."""
        return await approval.heard(self.story, Decision.model_validate(decision))

    @decide.validator
    def _validate_decide(self, decision: Any = None) -> None:
        try:
            refused = approval.objection(self.story, Decision.model_validate(decision))
        except ValidationError as e:
            refused = f"this is not a decision: {brief(e)}"
        if refused:
            raise ValueError(refused)

    @workflow.query
    def status(self) -> IncidentStatus:
        """Where the incident stands and what waits for whom."""
        return IncidentStatus.of(self.story.record)

    @workflow.query
    def timeline(self) -> list[TimelineEntry]:
        """The story so far, oldest first."""
        return self.story.record.timeline

    @workflow.query
    def record(self) -> IncidentRecord:
        """Everything the incident knows."""
        return self.story.record
