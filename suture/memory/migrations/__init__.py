"""Bringing a database up to date at start-up: one small query when it is; safe when many start at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.errors import Invalid

if TYPE_CHECKING:
    from alembic.config import Config

    from suture.memory.database import Database

FOLDER = Path(__file__).parent
HEAD = "0007"  # the newest revision; known here so that an up-to-date start needs no Alembic
LOCK = 5_738_101_846  # PostgreSQL's advisory lock of whoever migrates; SQLite's is the write lock


def config() -> Config:
    """Alembic's configuration: `alembic` itself needs no ini file."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("path_separator", "os")
    return made


async def upgrade(database: Database) -> bool:
    """Create or change the tables; False if nothing was to do. Raises Unavailable; Invalid if it is newer."""
    if await database.read(_revision) == HEAD:
        return False
    return await database.write(_migrate)


async def _revision(connection: AsyncConnection) -> str | None:
    if not await connection.run_sync(lambda c: inspect(c).has_table("alembic_version")):
        return None
    found: str | None = (
        await connection.execute(text("SELECT version_num FROM alembic_version"))
    ).scalar_one_or_none()
    return found


async def _migrate(connection: AsyncConnection) -> bool:
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    if await _revision(connection) == HEAD:
        return False
    await connection.run_sync(_run)
    return True


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.util.exc import CommandError

    made = config()
    made.attributes["connection"] = connection
    try:
        command.upgrade(made, "head")
    except CommandError as e:
        raise Invalid("the database was made by a newer version of Suture: install that version") from e
