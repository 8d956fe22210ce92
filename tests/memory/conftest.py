"""Every test of the memory runs on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from suture.memory.store import SqlMemory
from suture.sealing import Sealer
from tests.memory.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if not PostgresServer.installed():
        pytest.skip("PostgreSQL is not installed: run `make system`")
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/memory.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(64)))


@pytest.fixture
async def memory(url: str, sealer: Sealer) -> AsyncIterator[SqlMemory]:
    async with await SqlMemory.connect(url, sealer) as found:
        yield found
