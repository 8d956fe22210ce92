"""Tracking data for analysis: a row for each finished incident, the seven tracking columns first.

`success` means healed by a change; `recovery_time_seconds` is empty when the trouble did not end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from suture.domain.stages import Outcome
from suture.memory.queries import IncidentRow, finished
from suture.memory.store import SqlMemory

Format = Literal["parquet", "jsonl"]
TRACKING = (
    "timestamp",
    "anomaly_type",
    "route",
    "hybrid_score",
    "executed",
    "success",
    "recovery_time_seconds",
)
EXTRA = (
    "incident_id", "namespace", "target", "severity", "method", "outcome", "attempts",
    "seconds_to_detect", "seconds_to_act", "seconds_to_heal",
)  # fmt: skip


class _Sink(Protocol):
    def write(self, rows: list[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


async def export_tracking(
    memory: SqlMemory,
    path: Path,
    format: Format = "parquet",
    since: datetime | None = None,
    columns: Sequence[str] = (*TRACKING, *EXTRA),
) -> int:
    """Write the file, whole or not at all, and return the number of rows; without any it has the columns.

    Raises Unavailable, OSError.
    """
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    sink: _Sink = _Parquet(part, columns) if format == "parquet" else _JsonLines(part)
    count = 0
    try:
        async for page in finished(memory, since):
            rows = [tracking_row(row) for row in page]
            sink.write([{name: row[name] for name in columns} for row in rows])
            count += len(page)
        sink.close()
        part.replace(path)
    except BaseException:
        sink.close()
        part.unlink(missing_ok=True)
        raise
    return count


def tracking_row(row: IncidentRow) -> dict[str, Any]:
    """One incident as tracking data."""
    own = {
        "timestamp": row.detected_at,
        "anomaly_type": row.failure_type,
        "success": row.outcome is Outcome.HEALED,
        "recovery_time_seconds": row.mttr_seconds,
        "target": row.target,
        "outcome": row.outcome.value if row.outcome else None,
    }
    return {name: own[name] if name in own else getattr(row, name) for name in (*TRACKING, *EXTRA)}


class _JsonLines:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["timestamp"] = row["timestamp"].isoformat()
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        import pyarrow
        import pyarrow.parquet

        self._arrow = pyarrow
        self._writer = pyarrow.parquet.ParquetWriter(path, _schema(pyarrow, columns), compression="zstd")

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._writer.write_batch(self._arrow.RecordBatch.from_pylist(rows, schema=self._writer.schema))

    def close(self) -> None:
        self._writer.close()


def _schema(arrow: Any, columns: Sequence[str]) -> Any:
    types = {
        "timestamp": arrow.timestamp("us", tz="UTC"),
        "attempts": arrow.int32(),
        **dict.fromkeys(("executed", "success"), arrow.bool_()),
        **dict.fromkeys(("hybrid_score", "recovery_time_seconds"), arrow.float64()),
        **dict.fromkeys(("seconds_to_detect", "seconds_to_act", "seconds_to_heal"), arrow.float64()),
    }
    return arrow.schema([(name, types.get(name, arrow.string())) for name in columns])
