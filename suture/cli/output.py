"""How answers look: tables on a terminal, the same columns plain and uncut elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; cut to the width on a terminal only."""
    listed = [list(row) for row in rows]
    if not sys.stdout.isatty():
        _plain(columns, listed)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        shown.add_column(name, overflow="ellipsis", no_wrap=name in ("INCIDENT", "STATE", "AGE"))
    for row in listed:
        shown.add_row(*map(escape, row))
    Console(highlight=False).print(shown)


def _plain(columns: Sequence[str], rows: list[list[str]]) -> None:
    everything = [list(columns), *rows]
    widths = [max(len(row[i]) for row in everything) for i in range(len(columns))]
    for row in everything:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def heading(text: str) -> None:
    """A section's name, bold on a terminal."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}")


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def as_line(value: Any) -> None:
    """One JSON document on one line: for what is long."""
    print(json.dumps(value, default=str, ensure_ascii=False))


def duration(seconds: float | None) -> str:
    """A length of time for people.

    >>> [duration(s) for s in (None, 3.24, 75, 7300, 200000)]
    ['-', '3.2s', '1m15s', '2h01m', '2d07h']
    """
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h"


def count(number: int, noun: str) -> str:
    """So many of them.

    >>> count(1, "report"), count(2, "report")
    ('1 report', '2 reports')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def age(moment: datetime | None) -> str:
    """How long ago."""
    return duration(max(0.0, (datetime.now(UTC) - moment).total_seconds())) if moment else "-"


def clock(moment: datetime | None) -> str:
    """A moment in the user's own time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else "-"
