"""The workflow `Incident`: one cause, one workflow, seven stages; people and reports reach it by signal and update."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from suture.domain.decision import Decision
    from suture.domain.diagnosis import Health
    from suture.domain.incident import IncidentRecord, IncidentResult, IncidentStart, IncidentStatus, Phase, TimelineEntry
    from suture.domain.report import ReportBatch
    from suture.domain.stages import Outcome, Stage
    from workflows import approval, steps, visibility
    from workflows.healing import Healing
    from workflows.story import Story


@workflow.defn(name="Incident")
class Incident:
    """Detect, classify, route, approve, execute, verify, memorize; then a cooldown in which echoes join."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        self.story = Story(start)

    @workflow.run
    async def run(self, start: IncidentStart) -> IncidentResult:
        """Returns the outcome. Ends only through memorize, whatever happens in between."""
        story, record = self.story, self.story.record
        if start.options is None:
            story.options = await steps.options()
        if not record.report_count:
            await workflow.wait_condition(lambda: record.report_count > 0)  # the signal that started it is on its way
        if record.outcome is None:
            self._end(await Healing(story).run())
            with story.stage(Stage.MEMORIZE):
                await steps.memorize(record)
        await self._cooldown()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._result()

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
        left = story.options.cooldown - (story.now - (record.timings.ended_at or story.now)).total_seconds()
        if left > 0:
            await story.wait(lambda: False, left, "cooldown: echoes join")
        record.phase = Phase.ENDED
        visibility.show(record)
        if record.report_count > record.reports_at_end:
            await steps.memorize(record)
            if not record.resolved and record.outcome is not Outcome.ESCALATED and await self._relapsed():
                workflow.continue_as_new(IncidentStart(target=record.target, reports=record.reports, options=story.options))

    async def _relapsed(self) -> bool:
        """Whether the echoes were right: the target is in trouble again."""
        try:
            return (await steps.detect(self.story)).health is Health.UNHEALTHY
        except ActivityError:
            return True

    def _result(self) -> IncidentResult:
        record = self.story.record
        same = {name: getattr(record, name) for name in ("incident_id", "failure_type", "summary", "report_count")}
        return IncidentResult(outcome=record.outcome or Outcome.FAILED, attempts=len(record.attempts), **same)

    @workflow.signal
    def report(self, batch: ReportBatch) -> None:
        """More reports of the same cause; a resolved one may end the incident."""
        self.story.signals += 1
        for report in batch.reports:
            self.story.record.take(report)

    @workflow.signal
    def approve(self, decision: Decision) -> None:
        """Approve the plan that waits."""
        self._signalled(decision.model_copy(update={"choice": "approve"}))

    @workflow.signal
    def reject(self, decision: Decision) -> None:
        """Refuse the plan that waits; the next hypothesis is tried."""
        self._signalled(decision.model_copy(update={"choice": "reject"}))

    @workflow.signal
    def escalate(self, decision: Decision) -> None:
        """Hand the incident to a person."""
        self._signalled(decision.model_copy(update={"choice": "escalate"}))

    @workflow.signal
    def cancel(self, decision: Decision) -> None:
        """Stop without changing anything further."""
        self._signalled(decision.model_copy(update={"choice": "cancel"}))

    def _signalled(self, decision: Decision) -> None:
        refused = approval.objection(self.story, decision)
        if refused:
            self.story.note(f"{decision.choice} by {decision.by} has no effect: {refused}")
        else:
            approval.take(self.story, decision)

    @workflow.update
    def decide(self, decision: Decision) -> str:
        """The same as the signals, with an answer: refused before it enters the history when it cannot be taken."""
        return approval.take(self.story, decision)

    @decide.validator
    def _validate_decide(self, decision: Decision) -> None:
        refused = approval.objection(self.story, decision)
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
