"""What a person is told who is called: where, how bad, what was tried, what is proposed, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.escalation import Told
from suture.domain.incident import IncidentRecord
from suture.domain.redaction import redact_text
from suture.domain.stages import Severity
from suture.domain.target import Target

MAX_LINE = 600  # characters of one line
MAX_TRIED = 8


class Notice(BaseModel):
    """One call about one incident: small, because it travels through the history; links are added where it is sent."""

    model_config = ConfigDict(frozen=True)

    incident_id: str
    workflow_id: str
    target: Target
    severity: Severity
    title: str  # of the level that is called
    repeat: int = 0
    state: str  # what is wanted, in words
    summary: str
    cause: str = ""
    proposed: str = ""
    risk: str = ""
    plan_hash: str = ""
    asked: int = 0  # the question's number; 0: nothing waits for approval
    expires_at: datetime | None = None
    tried: list[str] = Field(default_factory=list)
    before: list[str] = Field(default_factory=list)  # who was called before


class Message(BaseModel):
    """What is sent: one line, and a text in Markdown."""

    model_config = ConfigDict(frozen=True)

    subject: str
    body: str
    severity: Severity


def notice_of(record: IncidentRecord, told: Told, before: list[str]) -> Notice:
    """The notice of a level that is called about this incident now."""
    waiting = record.approval
    plan = waiting.plan if waiting else None
    undo = "can be undone" if plan and plan.reversible else "CANNOT be undone"
    return Notice(
        incident_id=record.incident_id,
        workflow_id=record.workflow_id,
        target=record.target,
        severity=record.severity,
        title=told.title,
        repeat=told.repeat,
        state="a plan waits for approval" if waiting else f"it ended as {record.outcome}: a person is needed",
        summary=_line(record.summary or (record.reports[-1].summary if record.reports else "")),
        cause=_line(waiting.cause if waiting else _last_cause(record)),
        proposed=_line(plan.describe()) if plan else "",
        risk=f"{plan.risk}, {undo}" if plan else "",
        plan_hash=waiting.plan_hash if waiting else "",
        asked=waiting.asked if waiting else 0,
        expires_at=waiting.expires_at if waiting else None,
        tried=[
            _line(f"{a.hypothesis.plan.describe()}: {a.result or 'under way'}")
            for a in record.attempts[-MAX_TRIED:]
            if a.hypothesis.plan
        ],
        before=before,
    )


def message_of(notice: Notice, links: Mapping[str, str]) -> Message:
    """The message; `links` are pages by what they are for (the words become the links' texts)."""
    again = f" (call {notice.repeat + 1})" if notice.repeat else ""
    lines = [
        f"**{notice.target}** in {notice.target.cluster}, severity **{notice.severity}**: {notice.state}{again}.",
        notice.summary,
        *_fact("Cause", notice.cause),
        *_fact("Proposed", f"{notice.proposed} (risk {notice.risk})" if notice.proposed else ""),
        *_listed("Tried so far", notice.tried),
        *_listed("Called before", notice.before),
        *_answers(notice),
        " · ".join(f"[{text}]({url})" for text, url in links.items()),
    ]
    subject = f"[{notice.severity}] {notice.target}: {notice.state} ({notice.title})"
    body = "\n\n".join(line for line in lines if line)
    return Message(subject=subject[:200], body=body, severity=notice.severity)


def _answers(notice: Notice) -> list[str]:
    """How to answer on the command line."""
    which = notice.incident_id
    if notice.asked:
        ends = (
            f" Unanswered it counts as no at {notice.expires_at:%Y-%m-%d %H:%M} UTC."
            if notice.expires_at
            else ""
        )
        return [
            f"Answer with `suture approve {which}` or `suture reject {which}`; `suture ack {which}` stops the calls.{ends}"
        ]
    return [f"Take it on with `suture ack {which}`; `suture show {which}` tells the whole story."]


def _fact(name: str, text: str) -> list[str]:
    return [f"{name}: {text}"] if text else []


def _listed(name: str, texts: list[str]) -> list[str]:
    return ["\n".join([f"{name}:", "", *(f"- {t}" for t in texts)])] if texts else []


def _last_cause(record: IncidentRecord) -> str:
    return record.attempts[-1].hypothesis.cause if record.attempts else ""


def _line(text: str) -> str:
    return " ".join(redact_text(text).split())[:MAX_LINE]
