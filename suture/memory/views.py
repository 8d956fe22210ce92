"""What the memory answers: plain rows for the CLI, the pages and the exports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from suture.domain.incident import IncidentRecord
from suture.domain.stages import Outcome
from suture.memory.tables import ActionState, AglDecision, Result, Status


class _Row(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class IncidentRow(_Row):
    """One line of a list of incidents. Times in UTC, durations in seconds since the trouble began."""

    incident_id: str
    workflow_id: str
    type: str
    status: Status
    outcome: Outcome | None
    severity: str
    failure_type: str
    cluster: str
    namespace: str
    kind: str
    name: str
    summary: str
    route: str | None
    hybrid_score: float | None
    method: str | None
    executed: bool
    attempts: int
    report_count: int
    detected_at: datetime
    resolved_at: datetime | None
    mttr_seconds: float | None
    seconds_to_detect: float | None
    seconds_to_act: float | None
    seconds_to_heal: float | None
    approved_by: str | None

    @property
    def target(self) -> str:
        """Kind/namespace/name."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)


class ActionRow(_Row):
    """One change of an incident."""

    action_id: str
    proposed_action: dict[str, Any]
    agl_decision: AglDecision | None
    approved_action: dict[str, Any] | None
    state: ActionState
    result: Result | None
    error: str
    undone: bool
    created_at: datetime
    executed_at: datetime | None
    receipt: dict[str, Any] | None


class ApprovalRow(_Row):
    """One word of a person: a vote, a comment, a delegation, an acknowledgement."""

    number: int
    plan_hash: str
    choice: str
    decided_by: str
    reason: str
    decided_at: datetime
    asked: int
    seat: str
    named: str
    edits: list[str] | None


class EvidenceRow(_Row):
    """A piece of evidence, without its content (see `SqlMemory.get_evidence`)."""

    id: str
    kind: str
    created_at: datetime


class ChangeRow(_Row):
    """A change of a target: {field: [before, after]}."""

    config_id: str
    target: str
    changes: dict[str, Any]
    changed_by: str
    reason: str
    created_at: datetime


class Story(BaseModel):
    """All that is known of an incident. `record` is None when an older version wrote what cannot be read."""

    incident: IncidentRow
    record: IncidentRecord | None
    raw: dict[str, Any]
    actions: list[ActionRow]
    approvals: list[ApprovalRow]
    changes: list[ChangeRow]
    evidence: list[EvidenceRow]


class Stats(BaseModel):
    """How well healing works. Rates (0 to 1) are of the finished incidents, None when there are none.

    Success means healed by a change; an incident that went away by itself is none, and shows in `outcomes`.
    """

    incidents: int
    finished: int
    executed: int
    success_rate: float | None
    execution_rate: float | None
    average_recovery_seconds: float | None
    routes: dict[str, int]
    outcomes: dict[str, int]
