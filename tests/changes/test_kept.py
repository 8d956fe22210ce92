"""What the database keeps: recent changes with what was before, healthy periods, and the watch's own presence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from suture.domain.snapshot import Manifest, ref_of
from suture.domain.target import ObjectRef
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from suture.ports import Change, HealthPeriod, History
from suture.sealing import Sealer

T0 = datetime(2026, 1, 1, tzinfo=UTC)
WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    sealer = Sealer(b"k" * 64)
    async with await SqlMemory.connect(f"sqlite+aiosqlite:///{tmp_path}/memory.db", sealer) as memory:
        yield SqlLedger(memory.database, "test", sealer)


def config(name: str, value: str, version: int, namespace: str = "shop") -> Manifest:
    meta: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": name,
        "resourceVersion": str(version),
    }
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"x": value}}


def seen(manifest: Manifest, hours: float) -> Change:
    return Change(ref=ref_of(manifest), manifest=manifest, previous=None, at=T0 + timedelta(hours=hours))


async def test_recent_changes_come_with_the_state_before(ledger: SqlLedger) -> None:
    assert isinstance(ledger, History)
    await ledger.record([seen(config("old", "1", 1), 0), seen(config("new", "1", 2), 0)])
    await ledger.record([seen(config("elsewhere", "1", 3, "other"), 9)])
    await ledger.record([seen(config("new", "2", 4), 9)])
    found = await ledger.changed("shop", T0 + timedelta(hours=5))
    assert [(r.ref.name, r.content["data"]["x"]) for r in found if r.content] == [("new", "1"), ("new", "2")]


async def test_health_is_kept_by_object(ledger: SqlLedger) -> None:
    assert await ledger.seen_at() is None
    periods = [
        HealthPeriod(since=T0, until=T0 + timedelta(hours=1)),
        HealthPeriod(since=T0 + timedelta(hours=2)),
    ]
    await ledger.mark({WEB: periods[:1]}, T0)
    await ledger.mark({WEB: periods}, T0 + timedelta(hours=3))
    assert await ledger.health([WEB]) == {WEB: periods}
    assert await ledger.health([]) == {}
    assert await ledger.seen_at() == T0 + timedelta(hours=3)
