"""One figure: a name, a value, its baseline from the same run, and the goal it is held against."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """`lower` says which direction is better; ratio = value / baseline for times, baseline / value for rates."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_name: str = ""
    goal: str = ""
    lower: bool = True

    @property
    def ratio(self) -> float | None:
        if not self.baseline or not self.value:
            return None
        return self.value / self.baseline if self.lower else self.baseline / self.value


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; `share` between 0 and 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def show(figures: list[Figure], json_file: Path | None = None) -> None:
    table = Table(title="Suture, beside its floor (both measured in this run)")
    for column in ("figure", "value", "floor", "times the floor", "goal"):
        table.add_column(column)
    for f in figures:
        floor = f"{f.baseline:.1f} {f.unit} ({f.baseline_name})" if f.baseline else "-"
        table.add_row(f.name, f"{f.value:.1f} {f.unit}", floor, f"{f.ratio:.2f}" if f.ratio else "-", f.goal)
    Console(width=150).print(table)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps([asdict(f) | {"ratio": f.ratio} for f in figures], indent=1))
