"""The database as commands use it: opened for reading, never made or migrated by looking at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from suture.cli.problems import Failure

if TYPE_CHECKING:
    from suture.cli.attach import Installation
    from suture.memory.store import SqlMemory

_HINT = "set it with SUTURE_DATABASE, or start `suture up --database URL` once"


@asynccontextmanager
async def opened(installation: Installation) -> AsyncIterator[SqlMemory | None]:
    """The database; None when it is a file that is not there yet. Raises Failure when it can't be read."""
    from suture.domain.errors import Unavailable
    from suture.memory.store import SqlMemory

    url = installation.settings.database_url
    try:
        if not _may_exist(url):
            yield None
            return
        memory = await SqlMemory.connect(url, migrate=False)
    except (ValueError, Unavailable) as e:
        raise Failure(f"the database cannot be read: {e}", _HINT) from e
    async with memory:
        yield memory


def _may_exist(url: str) -> bool:
    from suture.memory.database import parse_url

    parsed = parse_url(url)
    return parsed.get_backend_name() != "sqlite" or Path(str(parsed.database)).exists()
