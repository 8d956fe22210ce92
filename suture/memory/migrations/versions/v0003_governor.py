"""Who holds a turn to act and who waits, what was admitted, and which switches were thrown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)
CHANGES = "governor_changes"
INDEXES = (
    ("at", "automatic"),
    ("target", "at"),
    ("object", "at"),
    ("kind", "at"),
    ("namespace", "at"),
    ("holder",),
)


def upgrade() -> None:
    op.create_index("ix_incidents_cluster_created_at", "incidents", ["cluster", "created_at"])
    op.create_table(
        "governor_places",
        sa.Column("holder", sa.String(1024), nullable=False),
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("plan", sa.String(128), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("kinds", JSON, nullable=False),
        sa.Column("by_person", sa.Boolean(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("granted_at", MOMENT),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("needs", JSON, nullable=False),
        sa.Column("blocked", JSON, nullable=False),
        sa.Column("not_before", MOMENT),
        sa.Column("retry_at", MOMENT),
        sa.Column("lease_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("holder", name="pk_governor_places"),
    )
    op.create_table(
        CHANGES,
        sa.Column("change_id", sa.String(1024), nullable=False),
        sa.Column("holder", sa.String(1024), nullable=False),
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("target", sa.String(1024), nullable=False),
        sa.Column("object", sa.String(1024), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("namespace", sa.String(512), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("change_id", name="pk_governor_changes"),
    )
    for columns in INDEXES:
        op.create_index(f"ix_{CHANGES}_{'_'.join(columns)}", CHANGES, list(columns))
    op.create_table(
        "governor_switches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("thrown_by", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT),
        sa.Column("namespaces", JSON, nullable=False),
        sa.Column("lifted_at", MOMENT),
        sa.Column("lifted_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_governor_switches"),
    )
    op.create_index("ix_governor_switches_lifted_at_until", "governor_switches", ["lifted_at", "until"])


def downgrade() -> None:
    op.drop_table("governor_switches")
    op.drop_table(CHANGES)
    op.drop_table("governor_places")
    op.drop_index("ix_incidents_cluster_created_at", "incidents")
