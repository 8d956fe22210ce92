"""What the parts of the incident workflow share: the record, what people said, and how to wait without losing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from activities.notify import Notified
from suture.domain.decision import Decision
from suture.domain.incident import IncidentRecord, IncidentStart, Options, Phase, Timings
from suture.domain.stages import Stage
from workflows import visibility


class Story:
    """The incident's state. Everything that must survive continue-as-new is in `record`."""

    def __init__(self, start: IncidentStart) -> None:
        self.start = start
        self.options = start.options or Options()
        self.record = start.carried or _new_record(start)
        self.signals = 0  # of this run
        self._acting = False  # in the middle of a plan: what was done so far is not in the record yet
        self.editing = 0  # approvals with edits so far, of this run
        self.judged: dict[int, tuple[bool, str]] = {}  # what came of each: whether it was taken, and in words
        self.sending: dict[str, workflow.ActivityHandle[Notified]] = {}  # messages under way, by their step
        self.cancelled = False  # in Temporal itself
        self.leaving = False  # about to continue as new: who waits for something gets no answer here
        self.called = False  # somebody said that it is this incident's turn
        if start.carried is None:
            for report in start.reports:
                self.record.take(report)

    @property
    def decision(self) -> Decision | None:
        """What a person said and what has not taken effect yet."""
        return self.record.decision

    @decision.setter
    def decision(self, decision: Decision | None) -> None:
        self.record.decision = decision

    @property
    def told_to_stop(self) -> bool:
        """Whether a person wants the engine's hands off: nothing further may be changed."""
        return self.decision is not None and self.decision.choice in ("escalate", "cancel")

    @property
    def now(self) -> datetime:
        return workflow.now()

    def note(self, text: str, **data: Any) -> None:
        """Add to the timeline and to what the Temporal UI shows."""
        self.record.note(self.now, text, **data)
        visibility.show(self.record)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Be in a stage; its duration is added up."""
        self.record.stage = stage
        began = self.now
        try:
            yield
        finally:
            if workflow.in_workflow():  # not so when a worker that stops drops what it has cached
                spent = self.record.timings.stage_seconds
                spent[stage] = spent.get(stage, 0.0) + (self.now - began).total_seconds()

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Be in the middle of a plan: waiting does not cut the history; if it overflows, the wait ends as if time were over."""
        self._acting = True
        try:
            yield
        finally:
            self._acting = False

    @property
    def crowded(self) -> bool:
        """So many signals came that the history should be cut here."""
        if self._acting:
            return self.overflowing
        info = workflow.info()
        return self.signals >= self.options.max_reports_per_run or info.is_continue_as_new_suggested()

    @property
    def overflowing(self) -> bool:
        """So many that even what should not be interrupted must be: the server ends a run at 10,000 signals or 51,200 events."""
        full = self.signals >= self.options.max_reports_per_run * 20
        return full or workflow.info().get_current_history_length() >= 20_000

    @property
    def cornered(self) -> bool:
        """In the middle of a plan, and the history is full: waiting must end."""
        return self._acting and self.overflowing

    async def cut(self) -> None:
        """Continue as new if the history has grown; for places where nothing is under way."""
        if self.crowded:
            await self.continue_as_new()

    async def wait(self, until: Callable[[], bool], seconds: float, summary: str) -> bool:
        """Wait for a condition; False when the time is over. Continues as new when the history grows meanwhile."""
        try:
            await workflow.wait_condition(
                lambda: until() or self.crowded,
                timeout=timedelta(seconds=seconds),
                timeout_summary=summary,
            )
        except TimeoutError:
            return False
        if not until():
            if self._acting:
                return False
            await self.continue_as_new()
        return True

    async def continue_as_new(self) -> None:
        """Go on in a fresh history with the same record. Does not return."""
        self.leaving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            IncidentStart(
                target=self.record.target,
                options=self.options,
                carried=self.record,
                severity=self.record.severity,
            )
        )


def _new_record(start: IncidentStart) -> IncidentRecord:
    info = workflow.info()
    again = info.continued_run_id  # the trouble came back after an incident of this workflow had ended
    began = [] if again else [r.starts_at for r in start.reports if r.starts_at]
    return IncidentRecord(
        incident_id=f"{start.target.name[:40]}-{info.original_execution_run_id[:8]}",
        workflow_id=info.workflow_id,
        target=start.target,
        severity=start.severity,
        phase=Phase.RUNNING,
        timings=Timings(started_at=min([info.start_time, *began])),
    )
