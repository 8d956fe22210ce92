"""Every word of every person is kept, not one of each kind; and who was notified of what, so that nobody is told twice."""

from __future__ import annotations

import itertools
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
TIME = sa.DateTime(timezone=True)


def _old() -> list[sa.Column[Any]]:
    return [
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("plan_hash", sa.String(64), nullable=False),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", TIME, nullable=False),
    ]


def upgrade() -> None:
    kept = _taken_down()
    counters: dict[str, Any] = {}
    made = op.create_table(
        "approvals",
        *_old(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("seat", sa.String(128), nullable=False),
        sa.Column("named", sa.String(128), nullable=False),
        sa.Column("edits", JSON, nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "number", name="pk_approvals"),
    )
    for row in kept:
        row["number"] = next(counters.setdefault(row["incident_id"], itertools.count(1)))
        row |= {"asked": 0, "seat": "", "named": "", "edits": None}
    if kept:
        op.bulk_insert(made, kept)
    op.create_table(
        "notifications",
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("step", sa.String(128), nullable=False),
        sa.Column("way", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(256), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("claimed_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "step", "way", name="pk_notifications"),
    )
    op.create_index("ix_notifications_claimed_at", "notifications", ["claimed_at"], unique=False)


def downgrade() -> None:
    op.drop_table("notifications")
    kept = {(r["incident_id"], r["plan_hash"], r["choice"], r["decided_by"]): r for r in _taken_down()}
    made = op.create_table(
        "approvals",
        *_old(),
        sa.PrimaryKeyConstraint("incident_id", "plan_hash", "choice", "decided_by", name="pk_approvals"),
    )
    if kept:
        op.bulk_insert(made, list(kept.values()))


def _taken_down() -> list[dict[str, Any]]:
    """The rows of the table, oldest first, and no table any more: neither database changes a primary key in place alike."""
    table = sa.table("approvals", *(sa.column(c.name, c.type) for c in _old()))
    rows = op.get_bind().execute(sa.select(table).order_by(table.c.decided_at)).mappings().all()
    op.drop_table("approvals")
    return [dict(row) for row in rows]
