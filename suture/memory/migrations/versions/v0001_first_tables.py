"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    _approvals()
    _config_history()
    _evidence()
    _incidents()
    _memory_chunks()
    _object_revisions()
    _healing_actions()


def downgrade() -> None:
    op.drop_table("healing_actions")
    op.drop_table("object_revisions")
    op.drop_table("memory_chunks")
    op.drop_table("incidents")
    op.drop_table("evidence")
    op.drop_table("config_history")
    op.drop_table("approvals")


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "plan_hash", "choice", "decided_by", name="pk_approvals"),
    )


def _config_history() -> None:
    op.create_table(
        "config_history",
        sa.Column("config_id", sa.String(1024), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changes", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("config_id", name="pk_config_history"),
    )
    op.create_index("ix_config_history_created_at", "config_history", ["created_at"], unique=False)
    op.create_index("ix_config_history_incident_id", "config_history", ["incident_id"], unique=False)


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
    )
    op.create_index("ix_evidence_created_at", "evidence", ["created_at"], unique=False)
    op.create_index(
        "ix_evidence_incident_id_created_at", "evidence", ["incident_id", "created_at"], unique=False
    )


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("detected_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "OPEN",
                "MITIGATING",
                "RESOLVED",
                "FAILED",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("metrics_snapshot", JSON, nullable=True),
        sa.Column("mttr_seconds", sa.Double(), nullable=True),
        sa.Column("workflow_id", sa.String(1024), nullable=False),
        sa.Column("system", sa.String(253), nullable=False),
        sa.Column("cluster", sa.String(253), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("kind", sa.String(253), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("failure_type", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("route", sa.String(16), nullable=True),
        sa.Column("hybrid_score", sa.Double(), nullable=True),
        sa.Column("method", sa.String(32), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("report_count", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("executed", sa.Boolean(), nullable=False),
        sa.Column("seconds_to_detect", sa.Double(), nullable=True),
        sa.Column("seconds_to_act", sa.Double(), nullable=True),
        sa.Column("seconds_to_heal", sa.Double(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approval_reason", sa.Text(), nullable=True),
        sa.Column("approved_at", TIME, nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incidents"),
    )
    op.create_index(
        "ix_incidents_detected_at_incident_id", "incidents", ["detected_at", "incident_id"], unique=False
    )
    op.create_index(
        "ix_incidents_namespace_detected_at", "incidents", ["namespace", "detected_at"], unique=False
    )
    op.create_index("ix_incidents_outcome_detected_at", "incidents", ["outcome", "detected_at"], unique=False)
    op.create_index(
        "ix_incidents_workflow_id_detected_at", "incidents", ["workflow_id", "detected_at"], unique=False
    )


def _memory_chunks() -> None:
    op.create_table(
        "memory_chunks",
        sa.Column("memory_id", sa.String(512), nullable=False),
        sa.Column("incident_type", sa.String(64), nullable=False),
        sa.Column("incident_summary", sa.Text(), nullable=False),
        sa.Column("action_taken", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("metrics_before", JSON, nullable=True),
        sa.Column("metrics_after", JSON, nullable=True),
        sa.Column("mttr_seconds", sa.Double(), nullable=True),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("memory_id", name="pk_memory_chunks"),
    )
    op.create_index(
        "ix_memory_chunks_incident_type_created_at",
        "memory_chunks",
        ["incident_type", "created_at"],
        unique=False,
    )


def _object_revisions() -> None:
    op.create_table(
        "object_revisions",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("cluster", sa.String(253), nullable=False),
        sa.Column("kind", sa.String(253), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=True),
        sa.Column("resource_version", sa.String(64), nullable=False),
        sa.Column("manager", sa.Text(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("restorable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_object_revisions"),
        sa.UniqueConstraint("id", name="uq_object_revisions_id"),
    )
    op.create_index("ix_object_revisions_at", "object_revisions", ["at"], unique=False)
    op.create_index(
        "ix_object_revisions_cluster_kind_namespace_name_seq",
        "object_revisions",
        ["cluster", "kind", "namespace", "name", "seq"],
        unique=False,
    )


def _healing_actions() -> None:
    op.create_table(
        "healing_actions",
        sa.Column("action_id", sa.String(1024), nullable=False),
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("proposed_action", JSON, nullable=False),
        sa.Column(
            "agl_decision",
            sa.Enum(
                "APPROVED",
                "DENIED",
                "MODIFIED",
                name="agl_decision",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("approved_action", JSON, nullable=True),
        sa.Column("executed_at", TIME, nullable=True),
        sa.Column(
            "result",
            sa.Enum("SUCCESS", "FAIL", name="result", native_enum=False, create_constraint=True, length=16),
            nullable=True,
        ),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("vault", sa.Text(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "prepared",
                "done",
                "failed",
                "refused",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.incident_id"], name="fk_healing_actions_incident_id"
        ),
        sa.PrimaryKeyConstraint("action_id", name="pk_healing_actions"),
    )
    op.create_index(
        "ix_healing_actions_incident_id_created_at",
        "healing_actions",
        ["incident_id", "created_at"],
        unique=False,
    )
