"""The incident: what starts it, what it remembers, and what the queries `status` and `timeline` answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from suture.domain.action import Receipt
from suture.domain.decision import ApprovalRequest, Decision, Route, Routing, Verdict, Vote
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.escalation import Escalation, Ladder
from suture.domain.facts import Facts
from suture.domain.governor import Standing
from suture.domain.impact import Impact
from suture.domain.post_incident import PostIncidentRules
from suture.domain.report import SHORT, Report
from suture.domain.stages import Outcome, Severity, Stage
from suture.domain.target import Target

MAX_REPORTS_KEPT = 50
MAX_TIMELINE = 400
MAX_VOTES = 100  # words of people that the record keeps; comments give way first
MAX_CALLED = 30
MAX_TEXT = 2000  # characters of one line of the timeline
MAX_REPORT_TEXTS = (
    100_000  # characters of labels and summaries that older reports keep: Temporal refuses 2 MiB
)


class Options(BaseModel):
    """What the installation decides for each incident; all times in seconds. Part of the input, so that replay never
    depends on today's settings. A person who starts an incident by hand may leave it out."""

    model_config = ConfigDict(extra="forbid")

    grace_limit: float = Field(default=300, ge=0, description="longest wait for trouble that may heal itself")
    stable_for: float = Field(default=10, ge=0, description="how long all checks must keep holding")
    verify_timeout: float = Field(
        default=300, gt=0, description="how long a plan may take to show its effect"
    )
    approval_timeout: float = Field(default=86400, gt=0, description="how long a person may take to answer")
    cooldown: float = Field(
        default=300, ge=0, description="how long an echo of the same alert joins a finished incident"
    )
    max_attempts: int = Field(
        default=4, ge=1, le=20, description="plans tried before a person is asked to take over"
    )
    unreachable_after: float = Field(
        default=600, gt=0, description="how long a cluster may not answer before a person is called"
    )
    ladder: Ladder | None = Field(
        default=None,
        description="who is called while nobody answers; none: nobody, and nothing is waited for",
    )
    actions_queue: str = Field(
        default="",
        max_length=256,
        description="task queue of the changing activities; empty: the workflow's own",
    )
    search_attributes: bool = Field(
        default=False, description="whether the server knows the engine's search attributes"
    )
    post_incident: PostIncidentRules | None = Field(
        default=None, description="which incidents are followed up after their end; none: no incident is"
    )
    max_reports_per_run: int = Field(
        default=200, ge=10, description="signals in one run before it continues as new"
    )


class IncidentStart(BaseModel):
    """The input of the workflow `Incident`. Give `reports`, or just a `target` with a `summary`."""

    model_config = ConfigDict(extra="forbid")

    target: Target
    reports: list[Report] = Field(default_factory=list)
    summary: str = Field(default="", max_length=4096)
    severity: Severity = Severity.MEDIUM
    options: Options | None = None
    carried: IncidentRecord | None = None
    awaits_report: bool = Field(
        default=False, description="the reports come with the signal that is sent with the start"
    )

    @model_validator(mode="after")
    def _at_least_one_report(self) -> IncidentStart:
        if not self.reports and self.carried is None and not self.awaits_report:
            self.reports.append(
                Report(
                    source="cli",
                    target=self.target,
                    severity=self.severity,
                    reason="manual",
                    summary=self.summary,
                ).redacted()
            )
        return self


class Phase(StrEnum):
    """What the workflow is doing beyond its stage."""

    RUNNING = "running"
    SETTLING = "settling"
    JOINED = "joined"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    ESCALATED = "escalated"  # it ended without help, and people are called until it is over
    WAITING_FOR_TURN = "waiting_for_turn"
    COOLDOWN = "cooldown"
    ENDED = "ended"


class TimelineEntry(BaseModel):
    """One line of the story."""

    at: datetime
    stage: Stage
    text: str
    data: dict[str, Any] = Field(default_factory=dict)


class Attempt(BaseModel):
    """One hypothesis that was acted upon (or denied), and what came of it."""

    hypothesis: Hypothesis
    routing: Routing | None = None
    impact: Impact | None = (
        None  # with `standing`, `severity` and `decided_at`: what the verdict was made from
    )
    standing: Standing = Standing()
    severity: Severity | None = None
    decided_at: datetime | None = None
    routed: Routing | None = None  # what the router said, where a policy was more careful
    judged: Facts | None = None  # what the verdict was made from, where a person had changed the plan
    verdict: Verdict | None = None
    proposed: list[Receipt] = Field(default_factory=list)  # by dry run only: nothing of it was done
    decision: Decision | None = None
    asked: int = 0  # the number of the question about it
    receipts: list[Receipt] = Field(default_factory=list)
    undone: list[Receipt] = Field(default_factory=list)
    verified: bool | None = None
    result: str = ""
    overtaken: bool = False  # the object changed first: it was undone, and the same plan may be made again
    started_at: datetime
    ended_at: datetime | None = None

    def facts(self, record: IncidentRecord) -> Facts | None:
        """What its verdict was made from; None before it was decided."""
        if self.judged is not None:
            return self.judged
        if self.routing is None or self.decided_at is None or self.hypothesis.plan is None:
            return None
        return Facts(
            target=record.target,
            severity=self.severity or record.severity,
            hypothesis=self.hypothesis,
            routing=self.routed or self.routing,
            impact=self.impact,
            standing=self.standing,
            at=self.decided_at,
        )

    @property
    def kept(self) -> list[Receipt]:
        """What it changed and nobody took back."""
        back = {r.key for r in self.undone}
        return [r for r in self.receipts if r.changed and f"{r.key}/undo{len(r.undo) - 1}" not in back]


class Timings(BaseModel):
    """When the milestones of the story happened."""

    started_at: datetime  # the oldest report's starts_at, or when the workflow began
    detected_at: datetime | None = None
    acted_at: datetime | None = None
    healed_at: datetime | None = None
    ended_at: datetime | None = None
    stage_seconds: dict[Stage, float] = Field(default_factory=dict)

    def _since_start(self, at: datetime | None) -> float | None:
        return max(0.0, (at - self.started_at).total_seconds()) if at else None

    @property
    def seconds_to_detect(self) -> float | None:
        return self._since_start(self.detected_at)

    @property
    def seconds_to_act(self) -> float | None:
        return self._since_start(self.acted_at)

    @property
    def seconds_to_heal(self) -> float | None:
        return self._since_start(self.healed_at)


class IncidentRecord(BaseModel):
    """Everything an incident knows of itself: carried over continue-as-new, given to memorize, answered by queries."""

    incident_id: str
    workflow_id: str
    target: Target
    severity: Severity
    stage: Stage = Stage.DETECT
    phase: Phase = Phase.RUNNING
    reports: list[Report] = Field(default_factory=list)  # the newest of each key, at most MAX_REPORTS_KEPT
    report_count: int = 0
    reports_at_end: int = 0  # how many had come when the outcome was known; later ones are echoes
    resolved: bool = False  # the newest report of every alert says resolved
    cleared: bool = False  # after the end every alert was resolved: what fires again is new trouble
    failure_type: FailureType = FailureType.UNKNOWN
    route: Route | None = None
    summary: str = ""
    evidence: str | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    symptoms: list[Symptom] = Field(
        default_factory=list
    )  # the target's own, when it was last found in trouble
    joined: str | None = None  # workflow id of the incident of the common cause, once this one waits for it
    elsewhere: list[Symptom] = Field(
        default_factory=list
    )  # trouble of others in the namespace before anything was changed
    pending: Attempt | None = None  # the attempt that waits for its turn while the history may be cut
    undoing: bool = False  # the last attempt is being undone
    holds_turn: bool = False  # the governor was asked, and what it gave was not given back yet
    approval: ApprovalRequest | None = None
    decision: Decision | None = None  # a person's word that has not taken effect yet
    questions: int = 0  # how many times people were asked
    words: int = 0  # how many things people said
    votes: list[Vote] = Field(default_factory=list)  # what they said, oldest first, at most MAX_VOTES
    escalation: Escalation | None = None  # the newest
    called: list[str] = Field(default_factory=list)  # who was called by earlier ones, at most MAX_CALLED
    looked_at: datetime | None = None  # when the target was last looked at
    blind: bool = False  # it ended because nobody could see the target: once somebody can, it is tried anew
    taken_by: str = ""  # who stopped the engine's work: the incident is theirs
    over_at: datetime | None = None  # when people were not needed any more
    settling_since: datetime | None = None  # since when the trouble has had time to heal itself
    outcome: Outcome | None = None
    timings: Timings
    timeline: list[TimelineEntry] = Field(default_factory=list)

    @property
    def tried(self) -> frozenset[str]:
        """Signatures of the plans that were tried or refused."""
        return frozenset(
            a.hypothesis.plan.signature for a in self.attempts if a.hypothesis.plan and not a.overtaken
        )

    @property
    def overtaken(self) -> int:
        """How many plans were overtaken by events; they do not count as tried."""
        return sum(a.overtaken for a in self.attempts)

    def approvers(self, attempt: Attempt) -> list[str]:
        """Everybody whose approval let this attempt's plan run."""
        if attempt.decision is None or attempt.decision.choice != "approve":
            return []
        of = attempt.verdict.plan.hash if attempt.verdict and attempt.verdict.plan else ""
        said = [
            v for v in self.votes if v.choice == "approve" and (v.asked, v.plan_hash) == (attempt.asked, of)
        ]
        return [v.by for v in said] or [attempt.decision.by]

    def say(self, vote: Vote) -> None:
        """Keep a person's word; when there are too many, the oldest comment gives way, else the oldest word."""
        self.votes.append(vote)
        if len(self.votes) > MAX_VOTES:
            comments = [i for i, v in enumerate(self.votes) if v.choice == "comment"]
            del self.votes[comments[0] if comments else 0]

    def take(self, report: Report) -> None:
        """Count a report, keep the newest of its alert with the alert's total, and note whether all are resolved by now."""
        self.report_count += report.count
        alert = report.key.rpartition(":")[0]
        others = [r for r in self.reports if r.key.rpartition(":")[0] != alert]
        total = report.count + sum(r.count for r in self.reports if r not in others)
        self.reports = [*others, report.model_copy(update={"count": total})][-MAX_REPORTS_KEPT:]
        self.reports = _within(MAX_REPORT_TEXTS, self.reports)
        self.resolved = all(r.status == "resolved" for r in self.reports)
        self.cleared = self.cleared or (self.resolved and self.outcome is not None)
        if report.severity.rank > self.severity.rank:
            self.severity = report.severity

    def note(self, at: datetime, text: str, stage: Stage | None = None, **data: Any) -> None:
        """Add a line to the timeline; the middle is dropped when it grows past MAX_TIMELINE."""
        self.timeline.append(TimelineEntry(at=at, stage=stage or self.stage, text=text[:MAX_TEXT], data=data))
        if len(self.timeline) > MAX_TIMELINE:
            del self.timeline[MAX_TIMELINE // 2]


def _within(limit: int, reports: list[Report]) -> list[Report]:
    """The reports, of which the oldest lose their texts once all together say too much; the newest is kept whole."""
    kept, room = reports[-1:], limit
    for report in reversed(reports[:-1]):
        room -= len(report.summary) + sum(len(k) + len(v) for k, v in report.labels.items())
        bare = {"labels": {}, "summary": report.summary[:SHORT]}
        kept.append(report if room >= 0 else report.model_copy(update=bare))
    return kept[::-1]


class IncidentStatus(BaseModel):
    """What the query `status` answers."""

    incident_id: str
    workflow_id: str
    target: Target
    severity: Severity
    stage: Stage
    phase: Phase
    outcome: Outcome | None
    failure_type: FailureType
    route: Route | None
    report_count: int
    attempts: int
    summary: str
    approval: ApprovalRequest | None
    escalation: Escalation | None = None

    @classmethod
    def of(cls, record: IncidentRecord) -> IncidentStatus:
        same = {name: getattr(record, name) for name in cls.model_fields if name != "attempts"}
        return cls(**same, attempts=len(record.attempts))


class IncidentResult(BaseModel):
    """What the workflow returns."""

    incident_id: str
    outcome: Outcome
    failure_type: FailureType
    summary: str
    report_count: int
    attempts: int


IncidentStart.model_rebuild()
