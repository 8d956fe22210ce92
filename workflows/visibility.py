"""What a person reads in the Temporal UI: current details in Markdown, and search attributes at two or three transitions."""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from suture.domain.incident import IncidentRecord, Phase
from suture.domain.visibility import SearchAttribute

SHOWN_LINES = 25
VALUE_CHARACTERS = 200  # SQL visibility stores keywords in 255


def show(record: IncidentRecord) -> None:
    """Set the current details; this adds nothing to the history."""
    head = f"**{record.target}** · {record.severity} · {record.outcome or record.phase} · {record.report_count} reports"
    lines = [f"- `{e.at:%H:%M:%S}` **{e.stage}** {e.text}" for e in record.timeline[-SHOWN_LINES:]]
    if record.phase is Phase.WAITING_FOR_APPROVAL and record.approval:
        lines.append(
            f"\n**Waits for a person:** {record.approval.plan.describe()} (`suture approve {record.incident_id}`)"
        )
    if record.escalation and not record.escalation.over:
        lines.append(f"\n**Calls:** {standing(record)} (`suture ack {record.incident_id}`)")
    workflow.set_current_details("\n".join([head, "", *lines]))


def standing(record: IncidentRecord) -> str:
    """Who was called, and who has taken it on."""
    state = record.escalation
    if state is None:
        return "nobody"
    if state.acknowledged:
        return f"acknowledged by {state.acknowledged.by} until {state.acknowledged.until:%H:%M} UTC"
    return ", ".join(dict.fromkeys(told.title for told in state.told)) or "nobody so far"


def index(record: IncidentRecord, waiting_for: str = "") -> None:
    """Upsert the search attributes of the present state."""
    values = {
        SearchAttribute.FAILURE_TYPE: str(record.failure_type),
        SearchAttribute.ROUTE: str(record.route or ""),
        SearchAttribute.OUTCOME: str(record.outcome or ""),
        SearchAttribute.WAITING_FOR: waiting_for,
        SearchAttribute.TARGET: str(record.target),
        SearchAttribute.NAMESPACE: record.target.namespace,
        SearchAttribute.SEVERITY: str(record.severity),
    }
    workflow.upsert_search_attributes(
        [SearchAttributeKey.for_keyword(k).value_set(v[:VALUE_CHARACTERS]) for k, v in values.items()]
    )
