"""What follows an incident that deserves it: who owes what until when, who was reminded, and what was decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from suture.domain.stages import Outcome, Severity
from suture.domain.target import Target

if TYPE_CHECKING:
    from suture.domain.incident import IncidentRecord

LEVELS = ("L1", "L2", "L3", "L4")
HOUR, DAY = 3600.0, 86400.0
MAX_ITEMS = 100
PREFIX = "post-incident/"


class Duty(StrEnum):
    """What a team owes after an incident, in the order in which it is due."""

    REPORT = "report"  # the incident report
    RCA = "rca"  # the root-cause analysis
    ACTION_ITEMS = "action_items"  # preventive measures, each with an owner and a date
    IMPROVEMENT = "improvement"  # runbooks and procedures brought up to date
    REVIEW = "review"  # the meeting of all who have a stake in it


_DUE = {
    Duty.REPORT: 24 * HOUR,
    Duty.RCA: 48 * HOUR,
    Duty.ACTION_ITEMS: 7 * DAY,
    Duty.IMPROVEMENT: 14 * DAY,
    Duty.REVIEW: 14 * DAY,
}


class PostIncidentRules(BaseModel):
    """Which incidents are followed up, and how patiently. Times in seconds since the incident's end.

    An incident deserves it when one of the three conditions holds. `remind_before`: a word before something is due;
    `remind_every`: and again, one level higher each time, when it is overdue.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(default=1, ge=1, le=1)
    severities: list[Severity] = [Severity.CRITICAL, Severity.HIGH]
    outcomes: list[Outcome] = [Outcome.ESCALATED, Outcome.FAILED]
    longer_than: float | None = Field(default=None, gt=0)
    due: dict[Duty, float] = Field(default_factory=lambda: dict(_DUE), min_length=1)
    remind_before: float = Field(default=4 * HOUR, ge=0)
    remind_every: float = Field(default=DAY, gt=0)

    @model_validator(mode="after")
    def _due_in_the_future(self) -> PostIncidentRules:
        late = [duty for duty, seconds in self.due.items() if seconds <= 0]
        if late:
            raise ValueError(f"due.{late[0]} must be more than 0 seconds")
        return self

    def why(self, record: IncidentRecord) -> str:
        """Why the incident deserves to be followed up; empty when it does not."""
        if record.outcome in self.outcomes:
            return f"it ended as {record.outcome}"
        if record.severity in self.severities:
            return f"its severity was {record.severity}"
        ended, began = record.timings.ended_at, record.timings.started_at
        if self.longer_than is not None and ended and (ended - began).total_seconds() > self.longer_than:
            return f"it lasted longer than {self.longer_than:g} s"
        return ""


class Done(BaseModel):
    """A person says that a duty is fulfilled: the input of the updates report_done, rca_done, improvement_done, review_done.

    `note` says what came of it (for the analysis: the root cause), `link` where it is written down.
    """

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=128)
    note: str = Field(default="", max_length=8192)
    link: str = Field(default="", max_length=2048)


class ItemChange(BaseModel):
    """The input of the update action_item: a new one (`text`), or the scheduling, end or dropping of a known one (`id`).

    Without either, `dropped` with a reason says that nothing needs to be done.
    """

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=128)
    id: int | None = Field(default=None, ge=1)
    text: str = Field(default="", max_length=2048)
    owner: str = Field(default="", max_length=128)
    due: AwareDatetime | None = None
    done: bool = False
    dropped: bool = False
    reason: str = Field(default="", max_length=2048)


class Close(BaseModel):
    """The input of the update close. `waive` closes although something is still owed; that needs a reason."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(min_length=1, max_length=128)
    reason: str = Field(default="", max_length=2048)
    waive: bool = False


class DutyState(BaseModel):
    """One duty. `reminders` counts what was sent, the word before it is due included."""

    due_at: datetime
    reminders: int = 0
    done_at: datetime | None = None
    done_by: str = ""
    note: str = ""
    link: str = ""


class ActionItem(BaseModel):
    """One measure. `proposed`: the engine's own idea, which nobody has taken up so far."""

    id: int
    text: str
    because: str = ""
    proposed: bool = False
    owner: str = ""
    due: datetime | None = None
    done_at: datetime | None = None
    dropped: str = ""  # why it is not done
    by: str = ""

    @property
    def settled(self) -> bool:
        """Nobody has to think about it any more: scheduled, done or dropped."""
        return bool(self.done_at or self.dropped or (self.owner and self.due))


class Reminder(BaseModel):
    """One word to a level about one duty; `step` names it, so that nobody hears it twice."""

    model_config = ConfigDict(frozen=True)

    duty: Duty
    number: int
    at: datetime
    level: str
    overdue: bool

    @property
    def step(self) -> str:
        return f"post-incident/{self.duty}/{self.number}"


class Told(BaseModel):
    """Who was told what, and when."""

    at: datetime
    level: str
    step: str
    text: str
    who: list[str] = Field(default_factory=list)


class PostIncidentStart(BaseModel):
    """The input of the workflow `PostIncident`."""

    model_config = ConfigDict(extra="forbid")

    incident_id: str
    incident_workflow_id: str
    target: Target
    severity: Severity
    outcome: Outcome
    summary: str
    why: str
    ended_at: datetime
    rules: PostIncidentRules = PostIncidentRules()
    carried: PostIncidentRecord | None = None


class PostIncidentRecord(BaseModel):
    """All that the follow-up knows of itself: carried over continue-as-new, answered by the query `status`."""

    incident_id: str
    workflow_id: str
    target: Target
    severity: Severity
    outcome: Outcome
    summary: str
    why: str
    opened_at: datetime
    duties: dict[Duty, DutyState]
    items: list[ActionItem] = Field(default_factory=list)
    reports: dict[str, str] = Field(default_factory=dict, description="format -> id of the evidence")
    told: list[Told] = Field(default_factory=list)
    closed_at: datetime | None = None
    closed_by: str = ""
    close_reason: str = ""

    @classmethod
    def opened(cls, start: PostIncidentStart, workflow_id: str, now: datetime) -> PostIncidentRecord:
        """A fresh follow-up; what is due counts from the incident's end."""
        rules = start.rules
        duties = {
            duty: DutyState(due_at=start.ended_at + timedelta(seconds=rules.due[duty]))
            for duty in Duty
            if duty in rules.due
        }
        for state in duties.values():
            if state.due_at - timedelta(seconds=rules.remind_before) <= now:
                state.reminders = 1  # too late for a word before
        same = {
            n: getattr(start, n) for n in ("incident_id", "target", "severity", "outcome", "summary", "why")
        }
        return cls(workflow_id=workflow_id, opened_at=now, duties=duties, **same)

    @property
    def owed(self) -> list[Duty]:
        """What is not done yet, in order."""
        return [duty for duty, state in self.duties.items() if state.done_at is None]

    def next_reminder(self, rules: PostIncidentRules) -> Reminder | None:
        """The next word to say, about whichever open duty comes first; None when nothing is owed."""
        coming = [self._reminder(duty, self.duties[duty].reminders, rules) for duty in self.owed]
        return min(coming, key=lambda r: r.at, default=None)

    def latest_reminder(self, rules: PostIncidentRules, due: Reminder, now: datetime) -> Reminder:
        """After a long absence one word is enough: the newest that is due by now."""
        latest = due
        while (following := self._reminder(due.duty, latest.number + 1, rules)).at <= now:
            latest = following
        return latest

    def _reminder(self, duty: Duty, number: int, rules: PostIncidentRules) -> Reminder:
        due = self.duties[duty].due_at
        before = number == 0
        wait = -rules.remind_before if before else (number - 1) * rules.remind_every
        return Reminder(
            duty=duty,
            number=number,
            at=due + timedelta(seconds=wait),
            level=LEVELS[min(number, len(LEVELS) - 1)],
            overdue=not before,
        )

    # what people may do, and why not
    def refuses_done(self, duty: Duty, done: Done) -> str:
        """Why a duty cannot be marked as done; empty when it can."""
        if self.closed_at:
            return f"it was closed by {self.closed_by}"
        state = self.duties.get(duty)
        if state is None:
            return f"{duty} is not asked for by the rules"
        if state.done_at:
            return f"{duty} was done by {state.done_by}"
        if duty is Duty.RCA and not done.note.strip():
            return "say what the root cause was, in the note"
        return ""

    def done(self, duty: Duty, done: Done, now: datetime) -> None:
        state = self.duties[duty]
        state.done_at, state.done_by, state.note, state.link = now, done.by, done.note, done.link

    def refuses_item(self, change: ItemChange) -> str:
        """Why an action item cannot be added or changed; empty when it can."""
        if self.closed_at:
            return f"it was closed by {self.closed_by}"
        if change.dropped and not change.reason.strip():
            return "say why nothing is done"
        if change.id is None:
            return self._refuses_new(change)
        item = self.item(change.id)
        if item is None:
            return f"there is no action item {change.id}: there are {len(self.items)}"
        if item.done_at or item.dropped:
            return f"action item {item.id} is {'done' if item.done_at else 'dropped'} already"
        if not (change.text or change.owner or change.due or change.done or change.dropped):
            return "nothing would change: give an owner, a date, a text, or say that it is done or dropped"
        return ""

    def _refuses_new(self, change: ItemChange) -> str:
        if not change.text.strip() and not change.dropped:
            return "say what is to be done"
        if len(self.items) >= MAX_ITEMS:
            return f"there are {MAX_ITEMS} action items already"
        return ""

    def change_item(self, change: ItemChange, now: datetime) -> ActionItem:
        item = self.item(change.id) if change.id is not None else None
        if item is None:
            item = ActionItem(id=len(self.items) + 1, text=change.text or "nothing needs to be done")
            self.items.append(item)
        item.text, item.owner = change.text or item.text, change.owner or item.owner
        item.due, item.by, item.proposed = change.due or item.due, change.by, False
        item.done_at = now if change.done else None
        item.dropped = change.reason if change.dropped else ""
        self._settle(change.by, now)
        return item

    def _settle(self, by: str, now: datetime) -> None:
        """The action items are done as a duty once each is scheduled, done or dropped; a new one opens the question again."""
        state = self.duties.get(Duty.ACTION_ITEMS)
        if state is None:
            return
        settled = bool(self.items) and all(i.settled for i in self.items)
        state.done_at, state.done_by = (now, by) if settled else (None, "")

    def propose(self, proposals: Iterable[tuple[str, str]]) -> None:
        """Take up the engine's own (text, because); what is there already is not proposed again."""
        for text, because in proposals:
            if text not in {i.text for i in self.items} and len(self.items) < MAX_ITEMS:
                item = ActionItem(id=len(self.items) + 1, text=text, because=because, proposed=True)
                self.items.append(item)

    def item(self, number: int) -> ActionItem | None:
        return next((i for i in self.items if i.id == number), None)

    def refuses_close(self, close: Close) -> str:
        """Why it cannot be closed; empty when it can."""
        if self.closed_at:
            return f"it was closed by {self.closed_by}"
        if self.owed and not close.waive:
            return f"{', '.join(self.owed)} is still owed: do it, or waive it with a reason"
        if close.waive and not close.reason.strip():
            return "a waiver needs a reason"
        return ""


def workflow_id_of(incident_id: str) -> str:
    """The follow-up's workflow id: the same incident always gives the same one."""
    return PREFIX + incident_id


PostIncidentStart.model_rebuild()
