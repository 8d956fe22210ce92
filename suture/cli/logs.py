"""`suture logs`: what is in log files, and what came first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from suture.domain.logs import LogAnalysis, LogEvent

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", help="Log files, each named after the service that wrote it; - reads stdin."
    ),
]
Templates = Annotated[int, typer.Option(min=1, help="How many templates to print, the most frequent first.")]


def logs(
    files: Files,
    templates: Templates = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Print the templates of log files with counts, families of errors, and the causal chain."""
    from models.logs.analyser import StreamAnalyser
    from suture.cli import output

    stream = StreamAnalyser()
    for file in files:
        stream.feed(_lines(file), "" if str(file) == "-" else file.name.partition(".")[0])
    found = stream.analysis(templates)
    if as_json:
        output.as_json(found.model_dump(mode="json"))
        return
    _show(found)


def _lines(file: Path) -> Iterator[str]:
    from suture.cli.problems import Failure

    if str(file) == "-":
        yield from sys.stdin
        return
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield from lines
    except OSError as e:
        raise Failure(f"cannot read {file}: {e.strerror}") from e


def _show(found: LogAnalysis) -> None:
    from suture.cli import output

    counts = ", ".join(f"{n} {name.lower()}" for name, n in found.severities.items())
    print(f"{output.count(found.lines, 'line')}: {counts}")
    output.heading("Templates")
    output.table(
        ["COUNT", "SEVERITY", "TEMPLATE"], [[str(t.count), t.severity, t.template] for t in found.templates]
    )
    if found.families:
        output.heading("Families of errors")
        output.table(["FAMILY", "LINES"], [[name, str(n)] for name, n in found.families.items()])
    if found.chain:
        output.heading("What came first")
        output.table(
            ["", "TIME", "SERVICE", "SEVERITY", "FOLLOWS", "MESSAGE"],
            [_row(number, event, number == found.first) for number, event in enumerate(found.chain)],
        )


def _row(number: int, event: LogEvent, first: bool) -> list[str]:
    follows = f"{event.cause} ({event.why})" if event.cause is not None else "first cause" if first else "-"
    at = f"{event.at:%H:%M:%S}" if event.at else "-"
    return [str(number), at, event.service or "-", event.severity, follows, event.text]
