"""What follows an incident: draw up its report, remember how the follow-up stands, and remind people."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, Field
from temporalio import activity

from suture.domain.call import Call
from suture.domain.post_incident import PostIncidentRecord, Reminder
from suture.ports import Archive, Memory, OnCall
from suture.report import Facts, proposals, timeline_svg, to_html, to_markdown

KIND = "post-incident report"


class DraftRequest(BaseModel):
    """Which incident the report is about; `record` is how its follow-up stands."""

    record: PostIncidentRecord


class Draft(BaseModel):
    """The report's evidence by format, and what it proposes to do: (text, because)."""

    reports: dict[str, str] = Field(default_factory=dict)
    proposals: list[tuple[str, str]] = Field(default_factory=list)


class RemindRequest(BaseModel):
    """One word about one duty."""

    record: PostIncidentRecord
    reminder: Reminder


class PostIncidentWork:
    """Every write is an upsert, every word goes out under its step's name: a repeat changes nothing."""

    def __init__(self, memory: Memory, archive: Archive, on_call: OnCall) -> None:
        self._memory = memory
        self._archive = archive
        self._on_call = on_call

    @activity.defn(name="draft_report")
    async def draft(self, request: DraftRequest) -> Draft:
        """Raises Unavailable (retried), TargetNotFound when the incident was never written."""
        incident_id = request.record.incident_id
        archived = await self._archive.archived(incident_id)
        facts = Facts(
            record=archived.record,
            journal=archived.journal,
            told=archived.told,
            follow_up=request.record,
        )
        rendered = await asyncio.to_thread(_render, facts)
        kept = {
            name: await self._memory.put_evidence(incident_id, f"{KIND} ({name})", text)
            for name, text in rendered.items()
        }
        return Draft(reports=kept, proposals=proposals(archived.record))

    @activity.defn(name="save_follow_up")
    async def save(self, record: PostIncidentRecord) -> None:
        """Raises Unavailable (retried for as long as it takes)."""
        await self._archive.save_follow_up(record)

    @activity.defn(name="remind")
    async def remind(self, request: RemindRequest) -> list[str]:
        """Who was told. Raises Unavailable when nobody could be reached (retried)."""
        return await self._on_call.call(call_of(request.record, request.reminder))


def call_of(record: PostIncidentRecord, reminder: Reminder) -> Call:
    """The reminder in words."""
    what = str(reminder.duty).replace("_", " ")
    due = record.duties[reminder.duty].due_at
    state = "is overdue: it was due" if reminder.overdue else "is due"
    return Call(
        story_id=record.incident_id,
        step=reminder.step,
        level=reminder.level,
        severity=record.severity,
        subject=f"{what} of {record.incident_id} {state} {due:%Y-%m-%d %H:%M} UTC",
        text=f"{record.summary}\nsuture postmortem show {record.incident_id}",
    )


def _render(facts: Facts) -> dict[str, str]:
    svg = timeline_svg(facts)
    return {"md": to_markdown(facts), "html": to_html(facts, svg)}
