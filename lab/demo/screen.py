"""What the demo shows: a live table of the seven stages on a terminal, one line a stage anywhere else."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from lab.demo.follow import Chapter, chapters
from suture.domain.incident import IncidentRecord
from suture.domain.stages import Stage


class Screen(Protocol):
    """Where an incident's progress is shown."""

    def begin(self, broke_at: datetime) -> None: ...
    def show(self, record: IncidentRecord | None) -> None: ...
    def pause(self) -> None: ...
    def end(self) -> None: ...


def console() -> Console:
    """Plain and wide where nobody looks: links in a table must not be cut."""
    return (
        Console(highlight=False)
        if sys.stdout.isatty()
        else Console(highlight=False, width=240, no_color=True)
    )


def screen(out: Console) -> Screen:
    return LiveScreen(out) if out.is_terminal else PlainScreen(out)


class PlainScreen:
    """One line a stage, with the seconds since the break."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def begin(self, broke_at: datetime) -> None:
        self._broke_at, self._shown = broke_at, 0

    def show(self, record: IncidentRecord | None) -> None:
        if record is None:
            return
        told = chapters(record)
        complete = told if record.outcome else told[:-1]
        for chapter in complete[self._shown :]:
            after = f"{chapter.seconds_since(self._broke_at):6.1f} s"
            self._out.print(f"  {after}  {chapter.stage:<9} {escape(chapter.headline)}", soft_wrap=True)
        self._shown = max(self._shown, len(complete))

    def pause(self) -> None:
        """Nothing moves."""

    def end(self) -> None:
        """Everything is said."""


class LiveScreen:
    """The seven stages as a table that changes in place."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._live: Live | None = None

    def begin(self, broke_at: datetime) -> None:
        self._broke_at = broke_at

    def show(self, record: IncidentRecord | None) -> None:
        if self._live is None:
            self._live = Live(console=self._out, auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(self._table(record), refresh=True)

    def pause(self) -> None:
        self.end()

    def end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def _table(self, record: IncidentRecord | None) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1))
        latest: dict[Stage, Chapter] = {c.stage: c for c in chapters(record)} if record else {}
        now = (datetime.now(UTC) - self._broke_at).total_seconds()
        for stage in Stage:
            chapter = latest.get(stage)
            current = record is not None and record.stage is stage and record.outcome is None
            mark = "[yellow]●[/]" if current else "[green]✓[/]" if chapter else "[dim]○[/]"
            after = chapter.seconds_since(self._broke_at) if chapter else None
            after = now if current else after
            seconds = f"{after:.1f} s" if after is not None else ""
            text = escape(chapter.headline) if chapter else "[dim]…[/]" if current else ""
            table.add_row(mark, str(stage), seconds, text)
        return table


@dataclass(frozen=True)
class Line:
    """One row of the last table; times in seconds since the break."""

    incident: str
    target: str
    cause: str
    action: str
    outcome: str
    detect: float | None
    act: float | None
    heal: float | None
    link: str

    @classmethod
    def of(cls, record: IncidentRecord, broke_at: datetime, link: str) -> Line:
        def since(at: datetime | None) -> float | None:
            return max(0.0, (at - broke_at).total_seconds()) if at else None

        last = record.attempts[-1] if record.attempts else None
        plan = last.hypothesis.plan if last else None
        times = record.timings
        return cls(
            incident=record.incident_id,
            target=str(record.target),
            cause=last.hypothesis.cause if last else record.summary,
            action=plan.describe() if plan else "-",
            outcome=str(record.outcome),
            detect=since(times.detected_at),
            act=since(times.acted_at),
            heal=since(times.healed_at),
            link=link,
        )


def final_table(lines: list[Line]) -> Table:
    """Incident, cause, action, times; the links follow below, where no column cuts them."""
    table = Table(title="What happened", title_justify="left", show_lines=False)
    for name in ("incident", "cause", "action", "outcome"):
        table.add_column(name, overflow="fold")
    for name in ("detect", "act", "heal"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        times = [f"{s:.1f} s" if s is not None else "-" for s in (line.detect, line.act, line.heal)]
        words = (line.incident, line.cause, line.action, line.outcome)
        table.add_row(*map(escape, words), *times)
    return table
