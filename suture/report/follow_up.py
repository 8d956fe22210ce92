"""The report's last section: what the team owes, what is done, and the action items as they stand."""

from __future__ import annotations

from collections.abc import Iterator

from suture.domain.post_incident import ActionItem, DutyState, PostIncidentRecord
from suture.report.facts import clock, plain


def follow_up(record: PostIncidentRecord | None) -> Iterator[str]:
    """Nothing when the incident is not followed up."""
    if record is None:
        return
    yield from ("", "## Follow-up", "", f"Followed up because {plain(record.why)}.", "")
    for duty, state in record.duties.items():
        yield f"- {duty.replace('_', ' ')}: {_state(state)}"
    if record.items:
        yield ""
        yield from (f"{item.id}. {plain(item.text)} ({item_state(item)})" for item in record.items)
    if record.closed_at:
        because = f": {plain(record.close_reason)}" if record.close_reason else ""
        yield from ("", f"Closed at {clock(record.closed_at)} by {plain(record.closed_by)}{because}.")


def _state(state: DutyState) -> str:
    if state.done_at is None:
        return f"due {clock(state.due_at)}"
    words = f"done at {clock(state.done_at)} by {plain(state.done_by)}"
    note = f": {plain(state.note)}" if state.note else ""
    return words + note + (f" ({plain(state.link)})" if state.link else "")


def item_state(item: ActionItem) -> str:
    """How an action item stands, in words."""
    if item.done_at:
        return f"done at {clock(item.done_at)} by {plain(item.by)}"
    if item.dropped:
        return f"dropped by {plain(item.by)}: {plain(item.dropped)}"
    if item.proposed:
        return "proposed"
    return f"{plain(item.owner) or 'nobody'}, due {clock(item.due)}"
