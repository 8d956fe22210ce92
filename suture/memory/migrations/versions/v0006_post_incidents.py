"""What follows an incident: who owes what until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "post_incidents",
        sa.Column("incident_id", sa.String(512), nullable=False),
        sa.Column("workflow_id", sa.String(1024), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=True),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_post_incidents"),
    )
    op.create_index("ix_post_incidents_closed_at_due_at", "post_incidents", ["closed_at", "due_at"])


def downgrade() -> None:
    op.drop_table("post_incidents")
