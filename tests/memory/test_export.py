"""Tracking files: the seven columns first, the same in both formats, there even when nothing happened."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
import pytest

from suture.domain.stages import Outcome
from suture.memory import queries
from suture.memory.export import EXTRA, TRACKING, export_tracking
from suture.memory.store import SqlMemory
from tests.memory.samples import START, ended, healed, record


@pytest.fixture
async def some(memory: SqlMemory) -> SqlMemory:
    await memory.save_incident(healed("i1"))
    await memory.save_incident(ended("i2", Outcome.ESCALATED, START + timedelta(hours=1)))
    await memory.save_incident(ended("i3", Outcome.SELF_RESOLVED, START + timedelta(hours=2)))
    await memory.open_incident(record("i4"))
    return memory


async def test_parquet_reads_back(some: SqlMemory, tmp_path: Path) -> None:
    assert await export_tracking(some, tmp_path / "new" / "t.parquet") == 3
    table = pyarrow.parquet.read_table(tmp_path / "new" / "t.parquet")
    assert table.column_names == [*TRACKING, *EXTRA]
    first = table.to_pylist()[0]
    assert first["timestamp"] == START + timedelta(seconds=5)
    assert (first["anomaly_type"], first["route"], first["hybrid_score"]) == (
        "scaled_to_zero",
        "hybrid",
        0.98,
    )
    assert (first["executed"], first["success"], first["recovery_time_seconds"]) == (True, True, 42.0)
    assert table["success"].to_pylist() == [True, False, False]
    assert table["outcome"].to_pylist() == ["healed", "escalated", "self_resolved"]


async def test_json_lines_say_the_same(some: SqlMemory, tmp_path: Path) -> None:
    assert (
        await export_tracking(some, tmp_path / "t.jsonl", "jsonl", since=START + timedelta(minutes=30)) == 2
    )
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [line["incident_id"] for line in lines] == ["i2", "i3"]
    assert list(lines[0]) == [*TRACKING, *EXTRA]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("t.")] == ["t.jsonl"]


async def test_an_empty_database_gives_a_file_with_the_columns(memory: SqlMemory, tmp_path: Path) -> None:
    for format in ("parquet", "jsonl"):
        assert await export_tracking(memory, tmp_path / format, format) == 0
    assert pyarrow.parquet.read_table(tmp_path / "parquet").column_names == [*TRACKING, *EXTRA]
    assert (tmp_path / "jsonl").read_text() == ""


async def test_pages_neither_lose_nor_repeat(
    memory: SqlMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 3)
    for n in range(10):
        await memory.save_incident(healed(f"i{n}", start=START + timedelta(hours=n // 4)))
    assert await export_tracking(memory, tmp_path / "t.parquet") == 10
    ids = pyarrow.parquet.read_table(tmp_path / "t.parquet")["incident_id"].to_pylist()
    assert ids == [f"i{n}" for n in range(10)]
