"""The workflow `PostIncident`: report, root-cause analysis, action items, improvement, review; reminders until all is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.post_incident import DraftRequest, PostIncidentWork, RemindRequest
    from suture.domain.incident import IncidentRecord, Options
    from suture.domain.post_incident import (
        Close,
        Done,
        Duty,
        ItemChange,
        PostIncidentRecord,
        PostIncidentStart,
        Reminder,
        Told,
        workflow_id_of,
    )
    from workflows.reading import clean, parse, read, refuse

KEEP_TRYING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
DRAW_UP = timedelta(minutes=10)  # a report that cannot be drawn up must not keep people from writing theirs
REACH = timedelta(hours=1)  # to reach somebody; then the next word is tried when it is due
MAX_TOLD = 200


async def follow_up(record: IncidentRecord, options: Options) -> None:
    """Start the follow-up of an ended incident that deserves one; whoever calls again finds it started."""
    rules = options.post_incident
    why = rules.why(record) if rules else ""
    if not rules or not why or record.outcome is None:
        return
    start = PostIncidentStart(
        incident_id=record.incident_id,
        incident_workflow_id=record.workflow_id,
        target=record.target,
        severity=record.severity,
        outcome=record.outcome,
        summary=record.summary,
        why=why,
        ended_at=record.timings.ended_at or workflow.now(),
        rules=rules,
    )
    try:
        await workflow.start_child_workflow(
            "PostIncident",
            start,
            id=workflow_id_of(record.incident_id),
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"follow-up of {record.incident_id}: {why}"[:200],
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info("the follow-up of %s runs already", record.incident_id)


@workflow.defn(name="PostIncident")
class PostIncident:
    """Waits for people, and reminds them; ends when a person closes it."""

    @workflow.init
    def __init__(self, start: Any = None) -> None:
        self.start = read(PostIncidentStart, start)
        if self.start.carried is not None and not workflow.info().continued_run_id:
            raise ApplicationError("a follow-up cannot start with a past", type="Invalid", non_retryable=True)
        self.record = self.start.carried or PostIncidentRecord.opened(
            self.start, workflow.info().workflow_id, workflow.now()
        )
        self.unsaved = True

    @workflow.run
    async def run(self, _start: Any = None) -> PostIncidentRecord:
        """Input: a PostIncidentStart. Returns how it stood when it was closed."""
        if self.start.carried is None:
            await self._draft()
        while self.record.closed_at is None:
            self._show()
            if self.unsaved:
                await self._save()
                continue  # people may have spoken meanwhile
            await self._wait()
        await self._draft()
        await self._save()
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.record

    async def _wait(self) -> None:
        """Until somebody says something, or a word is due, or the history has grown long."""
        coming = self.record.next_reminder(self.start.rules)
        seconds = max(0.0, (coming.at - self.now).total_seconds()) if coming else None
        try:
            await workflow.wait_condition(
                lambda: self.unsaved or workflow.info().is_continue_as_new_suggested(),
                timeout=None if seconds is None else timedelta(seconds=seconds),
                timeout_summary=f"until {coming.duty} is brought to mind" if coming else None,
            )
        except TimeoutError:
            assert coming is not None  # noqa: S101 - without one there is no timeout
            await self._remind(coming)
            return
        if not self.unsaved:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(self.start.model_copy(update={"carried": self.record}))

    async def _remind(self, due: Reminder) -> None:
        reminder = self.record.latest_reminder(self.start.rules, due, self.now)
        state = self.record.duties[reminder.duty]
        state.reminders = reminder.number + 1
        try:
            who = await workflow.execute_activity_method(
                PostIncidentWork.remind,
                RemindRequest(record=self._without_history(), reminder=reminder),
                start_to_close_timeout=timedelta(seconds=60),
                schedule_to_close_timeout=REACH,
                retry_policy=KEEP_TRYING,
                summary=f"brings {reminder.duty} to mind ({reminder.level})",
            )
        except ActivityError as e:
            who = []
            workflow.logger.warning("nobody could be reminded of %s: %s", reminder.duty, e.cause)
        state_word = "overdue" if reminder.overdue else "due soon"
        told = Told(
            at=self.now,
            level=reminder.level,
            step=reminder.step,
            text=f"{reminder.duty} is {state_word}",
            who=who,
        )
        self.record.told = [*self.record.told, told][-MAX_TOLD:]
        self.unsaved = True

    async def _draft(self) -> None:
        """Draw up the report from the history; without it the duties stand all the same."""
        try:
            draft = await workflow.execute_activity_method(
                PostIncidentWork.draft,
                DraftRequest(record=self.record),
                start_to_close_timeout=timedelta(seconds=120),
                schedule_to_close_timeout=DRAW_UP,
                retry_policy=KEEP_TRYING,
                summary="draws up the incident report",
            )
        except ActivityError as e:
            workflow.logger.warning("the report could not be drawn up: %s", e.cause)
            return
        self.record.reports = draft.reports
        if self.record.closed_at is None:
            self.record.propose(draft.proposals)
        self.unsaved = True

    async def _save(self) -> None:
        self.unsaved = False
        await workflow.execute_activity_method(
            PostIncidentWork.save,
            self.record,
            start_to_close_timeout=timedelta(seconds=15),
            retry_policy=KEEP_TRYING,
            summary="remembers how the follow-up stands",
        )

    def _without_history(self) -> PostIncidentRecord:
        return self.record.model_copy(update={"told": [], "items": []})

    @property
    def now(self) -> datetime:
        return workflow.now()

    def _show(self) -> None:
        record = self.record
        state = (
            f"closed by {record.closed_by}"
            if record.closed_at
            else f"owed: {', '.join(record.owed) or 'nothing'}"
        )
        lines = [f"- {duty}: due {s.due_at:%Y-%m-%d %H:%M}, {'done by ' + s.done_by if s.done_at else 'open'}"
                 for duty, s in record.duties.items()]  # fmt: skip
        workflow.set_current_details("\n".join([f"**{record.incident_id}** · {state}", "", *lines]))

    # what people say
    @workflow.update
    def report_done(self, done: Any = None) -> str:
        """The incident report is written. Input: a Done."""
        return self._take_done(Duty.REPORT, done)

    @report_done.validator
    def _validate_report(self, done: Any = None) -> None:
        self._check_done(Duty.REPORT, done)

    @workflow.update
    def rca_done(self, done: Any = None) -> str:
        """The root cause is known; the note says what it was. Input: a Done."""
        return self._take_done(Duty.RCA, done)

    @rca_done.validator
    def _validate_rca(self, done: Any = None) -> None:
        self._check_done(Duty.RCA, done)

    @workflow.update
    def improvement_done(self, done: Any = None) -> str:
        """Runbooks and procedures are up to date. Input: a Done."""
        return self._take_done(Duty.IMPROVEMENT, done)

    @improvement_done.validator
    def _validate_improvement(self, done: Any = None) -> None:
        self._check_done(Duty.IMPROVEMENT, done)

    @workflow.update
    def review_done(self, done: Any = None) -> str:
        """The team has met. Input: a Done."""
        return self._take_done(Duty.REVIEW, done)

    @review_done.validator
    def _validate_review(self, done: Any = None) -> None:
        self._check_done(Duty.REVIEW, done)

    @workflow.update
    def action_item(self, change: Any = None) -> str:
        """Add, schedule, finish or drop an action item. Input: an ItemChange."""
        item = self.record.change_item(clean(read(ItemChange, change)), self.now)
        self.unsaved = True
        return f"action item {item.id}: {item.text}"

    @action_item.validator
    def _validate_item(self, change: Any = None) -> None:
        refuse(self.record.refuses_item, parse(ItemChange, change))

    @workflow.update
    def close(self, close: Any = None) -> str:
        """End the follow-up. Input: a Close."""
        said = clean(read(Close, close))
        record = self.record
        record.closed_at, record.closed_by, record.close_reason = self.now, said.by, said.reason
        self.unsaved = True
        return f"closed by {said.by}"

    @close.validator
    def _validate_close(self, close: Any = None) -> None:
        refuse(self.record.refuses_close, parse(Close, close))

    def _take_done(self, duty: Duty, done: Any) -> str:
        said = clean(read(Done, done))
        self.record.done(duty, said, self.now)
        self.unsaved = True
        return f"{duty} done by {said.by}"

    def _check_done(self, duty: Duty, done: Any) -> None:
        refuse(lambda said: self.record.refuses_done(duty, said), parse(Done, done))

    @workflow.query
    def status(self) -> PostIncidentRecord:
        """How the follow-up stands."""
        return self.record
