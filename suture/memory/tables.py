"""The tables. `incidents`, `healing_actions`, `config_history` and `memory_chunks` have every column and word
of the self-healing platform's schema that Suture grew from, and more after them; SQL written for that schema
keeps working.

| outcome                 | status     |
| ----------------------- | ---------- |
| none, nothing done yet  | OPEN       |
| none, something changed | MITIGATING |
| healed, self_resolved   | RESOLVED   |
| escalated, failed       | FAILED     |
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Enum, ForeignKey, Index, Integer, MetaData, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from suture.memory.columns import Json, Name, Packed, UtcDateTime, Words

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class IncidentType(StrEnum):
    """The types that are not Kubernetes failures; those are named by their failure type in capitals."""

    DATA_DRIFT = "DATA_DRIFT"
    PERF_DROP = "PERF_DROP"
    LATENCY_SLO_BREACH = "LATENCY_SLO_BREACH"
    AGENT_DOWN = "AGENT_DOWN"


class Status(StrEnum):
    """Where an incident stands; `outcome` says how it ended."""

    OPEN = "OPEN"
    MITIGATING = "MITIGATING"
    RESOLVED = "RESOLVED"
    FAILED = "FAILED"


class AglDecision(StrEnum):
    """The policy engine's verdict. Empty for a change that no rule was asked about: an undo."""

    APPROVED = "APPROVED"
    DENIED = "DENIED"
    MODIFIED = "MODIFIED"


class Result(StrEnum):
    """How an action ended."""

    SUCCESS = "SUCCESS"
    FAIL = "FAIL"


class ActionState(StrEnum):
    """How far an action came. `prepared` after a crash means: perhaps carried out, ask the target."""

    PREPARED = "prepared"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


def _words(of: type[StrEnum], name: str) -> Enum:
    return Enum(
        of,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda e: [m.value for m in e],
    )


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Incident(Base):
    """One incident. `record` is its whole story as the workflow knows it."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index(None, "detected_at", "incident_id"),
        Index(None, "workflow_id", "detected_at"),
        Index(None, "namespace", "detected_at"),
        Index(None, "outcome", "detected_at"),
        Index(None, "cluster", "created_at"),
    )

    incident_id: Mapped[str] = mapped_column(Name(512), primary_key=True)
    type: Mapped[str] = mapped_column(Name(64))
    detected_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[Status] = mapped_column(_words(Status, "status"))
    metrics_snapshot: Mapped[Any] = mapped_column(Json, nullable=True)
    mttr_seconds: Mapped[float | None]
    workflow_id: Mapped[str] = mapped_column(Name(1024))
    system: Mapped[str] = mapped_column(Name(253))
    cluster: Mapped[str] = mapped_column(Name(253))
    namespace: Mapped[str] = mapped_column(Name(253))
    kind: Mapped[str] = mapped_column(Name(253))
    name: Mapped[str] = mapped_column(Name(253))
    severity: Mapped[str] = mapped_column(Name(16))
    failure_type: Mapped[str] = mapped_column(Name(64))
    outcome: Mapped[str | None] = mapped_column(Name(16))
    route: Mapped[str | None] = mapped_column(Name(16))
    hybrid_score: Mapped[float | None]
    method: Mapped[str | None] = mapped_column(Name(32))
    summary: Mapped[str] = mapped_column(Words)
    report_count: Mapped[int]
    attempts: Mapped[int]
    executed: Mapped[bool]
    seconds_to_detect: Mapped[float | None]
    seconds_to_act: Mapped[float | None]
    seconds_to_heal: Mapped[float | None]
    approved_by: Mapped[str | None] = mapped_column(Words)
    approval_reason: Mapped[str | None] = mapped_column(Words)
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    record: Mapped[Any] = mapped_column(Packed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class HealingAction(Base):
    """One change, journalled first. `vault`: the sealed receipt, if `receipt` had secrets left out."""

    __tablename__ = "healing_actions"
    __table_args__ = (Index(None, "incident_id", "created_at"),)

    action_id: Mapped[str] = mapped_column(Name(1024), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.incident_id"))
    proposed_action: Mapped[Any] = mapped_column(Json)
    agl_decision: Mapped[AglDecision | None] = mapped_column(_words(AglDecision, "agl_decision"))
    approved_action: Mapped[Any] = mapped_column(Json, nullable=True)
    executed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[Result | None] = mapped_column(_words(Result, "result"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    receipt: Mapped[Any] = mapped_column(Packed, nullable=True)
    vault: Mapped[str | None] = mapped_column(Words)
    state: Mapped[ActionState] = mapped_column(_words(ActionState, "state"))
    error: Mapped[str] = mapped_column(Words)
    undone: Mapped[bool]


class ConfigChange(Base):
    """One applied change of a target, or its undo: {field: [before, after]}."""

    __tablename__ = "config_history"
    __table_args__ = (Index(None, "incident_id"), Index(None, "created_at"))

    config_id: Mapped[str] = mapped_column(Name(1024), primary_key=True)
    changed_by: Mapped[str] = mapped_column(Words)
    changes: Mapped[Any] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(Words)
    incident_id: Mapped[str] = mapped_column(Name(512))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    target: Mapped[str] = mapped_column(Words)


class MemoryChunk(Base):
    """What one finished incident taught: the row that similar incidents are looked up in."""

    __tablename__ = "memory_chunks"
    __table_args__ = (Index(None, "incident_type", "created_at"),)

    memory_id: Mapped[str] = mapped_column(Name(512), primary_key=True)
    incident_type: Mapped[str] = mapped_column(Name(64))
    incident_summary: Mapped[str] = mapped_column(Words)
    action_taken: Mapped[str] = mapped_column(Words)
    outcome: Mapped[str] = mapped_column(Name(16))
    metrics_before: Mapped[Any] = mapped_column(Json, nullable=True)
    metrics_after: Mapped[Any] = mapped_column(Json, nullable=True)
    mttr_seconds: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class Evidence(Base):
    """A large piece of evidence; the id is a hash of incident, kind and content."""

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "incident_id", "created_at"), Index(None, "created_at"))

    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    incident_id: Mapped[str] = mapped_column(Name(512))
    kind: Mapped[str] = mapped_column(Words)
    content: Mapped[Any] = mapped_column(Packed)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


class Approval(Base):
    """One word of a person about an incident: a vote, a comment, a delegation (to `named`), an acknowledgement.

    `number` counts the incident's words; `seat` is in whose place an approval counts; `edits` is what was changed.
    """

    __tablename__ = "approvals"

    incident_id: Mapped[str] = mapped_column(Name(512), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_hash: Mapped[str] = mapped_column(Name(64))
    choice: Mapped[str] = mapped_column(Name(16))
    decided_by: Mapped[str] = mapped_column(Name(128))
    reason: Mapped[str] = mapped_column(Words)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked: Mapped[int]
    seat: Mapped[str] = mapped_column(Name(128))
    named: Mapped[str] = mapped_column(Name(128))
    edits: Mapped[Any] = mapped_column(Json, nullable=True)


class Notification(Base):
    """One message to one contact about one step of an escalation. Who claims the row sends; nobody sends what is claimed."""

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "claimed_at"),)

    incident_id: Mapped[str] = mapped_column(Name(512), primary_key=True)
    step: Mapped[str] = mapped_column(Name(128), primary_key=True)
    way: Mapped[str] = mapped_column(Name(128), primary_key=True)
    state: Mapped[str] = mapped_column(Name(16))
    owner: Mapped[str] = mapped_column(Name(256))
    tries: Mapped[int]
    subject: Mapped[str] = mapped_column(Words)
    error: Mapped[str] = mapped_column(Words)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditLine(Base):
    """One line of the audit log, which only grows. `hash` covers the line and the hash of the line before it."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "subject", "seq"), Index(None, "by", "seq"))

    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(Name(128))
    via: Mapped[str] = mapped_column(Name(16))
    address: Mapped[str] = mapped_column(Name(64))
    action: Mapped[str] = mapped_column(Name(32))
    subject: Mapped[str] = mapped_column(Name(512))
    result: Mapped[str] = mapped_column(Name(16))
    reason: Mapped[str] = mapped_column(Words)
    detail: Mapped[str] = mapped_column(Words)
    hash: Mapped[str] = mapped_column(Name(64))


class UsedLink(Base):
    """A one-time link that has served."""

    __tablename__ = "used_links"

    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ObjectRevision(Base):
    """One state of a watched object's spec; without content it was deleted. `seq`: the order of recording."""

    __tablename__ = "object_revisions"
    __table_args__ = (Index(None, "cluster", "kind", "namespace", "name", "seq"), Index(None, "at"))

    seq: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    id: Mapped[str] = mapped_column(Name(64), unique=True)
    cluster: Mapped[str] = mapped_column(Name(253))
    kind: Mapped[str] = mapped_column(Name(253))
    namespace: Mapped[str] = mapped_column(Name(253))
    name: Mapped[str] = mapped_column(Name(253))
    uid: Mapped[str] = mapped_column(Name(64))
    generation: Mapped[int | None] = mapped_column(BigInteger)
    resource_version: Mapped[str] = mapped_column(Name(64))
    manager: Mapped[str] = mapped_column(Words)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    content: Mapped[Any] = mapped_column(Packed, nullable=True)
    content_hash: Mapped[str] = mapped_column(Name(64))
    restorable: Mapped[bool]


class ObjectHealth(Base):
    """When an object was healthy: [[since, until or null], ...], oldest first. The row without kind and name is the
    watch's own: `seen_at` is when it last was there."""

    __tablename__ = "health_periods"

    cluster: Mapped[str] = mapped_column(Name(253), primary_key=True)
    kind: Mapped[str] = mapped_column(Name(253), primary_key=True)
    namespace: Mapped[str] = mapped_column(Name(253), primary_key=True)
    name: Mapped[str] = mapped_column(Name(253), primary_key=True)
    periods: Mapped[Any] = mapped_column(Json)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PostIncident(Base):
    """What follows an incident, as its workflow last knew it; `due_at` is when the next open duty is due."""

    __tablename__ = "post_incidents"
    __table_args__ = (Index(None, "closed_at", "due_at"),)

    incident_id: Mapped[str] = mapped_column(Name(512), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Name(1024))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    record: Mapped[Any] = mapped_column(Packed)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class GovernorPlace(Base):
    """One incident that holds its turn to act (`granted_at` is set) or waits for it. `needs`: {limit: how much of it}."""

    __tablename__ = "governor_places"

    holder: Mapped[str] = mapped_column(Name(1024), primary_key=True)
    incident_id: Mapped[str] = mapped_column(Name(512))
    plan: Mapped[str] = mapped_column(Name(128))
    target: Mapped[str] = mapped_column(Words)
    namespace: Mapped[str] = mapped_column(Name(253))
    severity: Mapped[str] = mapped_column(Name(16))
    rank: Mapped[int]  # of the severity, to sort by
    kinds: Mapped[Any] = mapped_column(Json)
    by_person: Mapped[bool]
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    granted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reasons: Mapped[Any] = mapped_column(Json)
    needs: Mapped[Any] = mapped_column(Json)
    blocked: Mapped[Any] = mapped_column(Json)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime] = mapped_column(UtcDateTime)


class GovernorChange(Base):
    """One change that was admitted: what rates, cooldowns and the budget are computed from. One that is not `begun` is set
    aside for the rest of a plan, and given back when the turn ends without it.
    """

    __tablename__ = "governor_changes"
    __table_args__ = (
        Index(None, "at", "automatic"),
        Index(None, "target", "at"),
        Index(None, "object", "at"),
        Index(None, "kind", "at"),
        Index(None, "namespace", "at"),
        Index(None, "holder"),
    )

    change_id: Mapped[str] = mapped_column(Name(1024), primary_key=True)
    holder: Mapped[str] = mapped_column(Name(1024))
    incident_id: Mapped[str] = mapped_column(Name(512))
    target: Mapped[str] = mapped_column(Name(1024))
    object: Mapped[str] = mapped_column(Name(1024))
    kind: Mapped[str] = mapped_column(Name(64))
    namespace: Mapped[str] = mapped_column(Name(512))
    automatic: Mapped[bool]
    begun: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class GovernorSwitch(Base):
    """A stop, freeze, maintenance or storm: who threw it, why, until when, and who lifted it. Rows are never removed."""

    __tablename__ = "governor_switches"
    __table_args__ = (Index(None, "lifted_at", "until"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(Name(16))
    name: Mapped[str] = mapped_column(Name(128))
    thrown_by: Mapped[str] = mapped_column(Name(128))
    reason: Mapped[str] = mapped_column(Words)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    namespaces: Mapped[Any] = mapped_column(Json)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by: Mapped[str] = mapped_column(Name(128))


class ModelVersionRow(Base):
    """One trained version. Stages change; everything else is written once."""

    __tablename__ = "model_versions"

    name: Mapped[str] = mapped_column(Name(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    stage: Mapped[str] = mapped_column(Name(16))
    metrics: Mapped[Any] = mapped_column(Json)
    data_hash: Mapped[str] = mapped_column(Name(64))
    code_hash: Mapped[str] = mapped_column(Name(64))
    artefact: Mapped[str] = mapped_column(Name(64))
    parent: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(Words)
    note: Mapped[str] = mapped_column(Words)


class ModelTransition(Base):
    """One change of a stage. `seq`: the order in which they happened."""

    __tablename__ = "model_transitions"
    __table_args__ = (Index(None, "name", "seq"),)

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(Name(64))
    version: Mapped[int]
    before: Mapped[str] = mapped_column(Name(16))
    after: Mapped[str] = mapped_column(Name(16))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column("changed_by", Words)
    why: Mapped[str] = mapped_column(Words)


class ExperimentRow(Base):
    """An A/B test: its definition, and whether it runs."""

    __tablename__ = "experiments"

    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    definition: Mapped[Any] = mapped_column(Json)
    status: Mapped[str] = mapped_column(Name(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(Words)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_why: Mapped[str] = mapped_column(Words)


class ExperimentOutcome(Base):
    """What came of one unit (an incident) under its variant: counted once, however often it is reported."""

    __tablename__ = "experiment_outcomes"

    experiment: Mapped[str] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    unit: Mapped[str] = mapped_column(Name(512), primary_key=True)
    variant: Mapped[str] = mapped_column(Name(64), primary_key=True)
    success: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
