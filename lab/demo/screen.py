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
from suture.cli import output
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
        for _ in range(4):
            table.add_column(no_wrap=True, overflow="ellipsis")
        latest: dict[Stage, Chapter] = {c.stage: c for c in chapters(record)} if record else {}
        now = (datetime.now(UTC) - self._broke_at).total_seconds()
        for stage in Stage:
            chapter = latest.get(stage)
            at = record.stage if record else Stage.DETECT
            current = at is stage and (record is None or record.outcome is None)
            mark = "[yellow]●[/]" if current else "[green]✓[/]" if chapter else "[dim]○[/]"
            after = chapter.seconds_since(self._broke_at) if chapter else None
            after = now if current else after
            seconds = f"{after:.1f} s" if after is not None else ""
            idle = "…" if record else "nothing is reported yet"
            text = escape(chapter.headline) if chapter else f"[dim]{idle}[/]" if current else ""
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


COLUMNS = ("incident", "cause", "action", "outcome", "detect", "act", "heal")


def sum_up(out: Console, lines: list[Line]) -> None:
    """The table, and the links below it, where no column cuts them."""
    rows = [
        (li.incident, li.cause, li.action, li.outcome, *map(_seconds, (li.detect, li.act, li.heal)))
        for li in lines
    ]
    if out.is_terminal:
        shown = Table(title="What happened (seconds since the break)", title_justify="left")
        for name in COLUMNS:
            shown.add_column(name, overflow="fold", no_wrap=name in COLUMNS[3:])
        for row in rows:
            shown.add_row(*map(escape, row))
        out.print(shown)
    else:
        print("What happened (seconds since the break)")
        output.table(COLUMNS, rows)
    for line in lines:
        out.print(f"{line.incident}: {line.link}", soft_wrap=True)


def _seconds(value: float | None) -> str:
    return f"{value:.1f} s" if value is not None else "-"
