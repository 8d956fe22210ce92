"""Alembic's entry point: runs on the connection that `upgrade` holds, inside its transaction and lock."""

from __future__ import annotations

from alembic import context

from suture.memory.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, compare_server_default=False, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
