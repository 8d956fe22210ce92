"""The report of a run: Markdown for people, JSON for machines, and a plot beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.scoreboard.figures import Result, families, summary
from lab.scoreboard.plot import svg
from lab.scoreboard.published import MITIGATED, NOTE, SPREAD


@dataclass(frozen=True)
class Conditions:
    """Under which conditions the run took place."""

    started_at: datetime
    seconds: float
    jobs: int
    settle: float
    sustain: float
    timeout: float
    crash: bool = False
    seed: int = 0
    kills: int = 0
    """How often the engine was killed on purpose."""
    ends: int = 0
    """How often it ended by itself."""


def write(results: Sequence[Result], terms: Conditions, json_file: Path | None, page: Path | None) -> None:
    """Write what is asked for; the plot lies beside the Markdown page (or the JSON file)."""
    for file in filter(None, (json_file, page)):
        file.parent.mkdir(parents=True, exist_ok=True)
    if json_file:
        json_file.write_text(json.dumps(document(results, terms), indent=1, default=_plain) + "\n")
    beside = page or json_file
    if beside:
        beside.with_suffix(".svg").write_text(svg(results))
    if page:
        page.write_text(markdown(results, terms, page.with_suffix(".svg").name))


def document(results: Sequence[Result], terms: Conditions) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        "conditions": asdict(terms),
        "totals": summary(results),
        "families": [asdict(row) for row in families(results)],
        "scenarios": [result.document() for result in results],
        "published": {"note": NOTE, "figures": [asdict(p) for p in MITIGATED], "spread": SPREAD},
    }


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def markdown(results: Sequence[Result], terms: Conditions, plot: str) -> str:
    """The page."""
    return (
        "\n\n".join(
            [
                "# Scoreboard",
                _conditions(terms),
                _table(("", ""), _totals(results, terms)),
                f"![Healed per family, and time to heal]({plot})",
                "## Families",
                _table(("family", "good", "attempts", "median s", "p95 s", "collateral"), _families(results)),
                "## Scenarios",
                _table(
                    ("scenario", "family", "verdict", "heal s", "attempts", "engine", "note"),
                    map(_scenario, results),
                ),
                *_failures(results),
                "## What others have published",
                NOTE,
                _table(("benchmark", "what", "mitigated", "source"), _published()),
                SPREAD,
            ]
        )
        + "\n"
    )


def _conditions(terms: Conditions) -> str:
    crash = (
        f" The engine was killed with SIGKILL {terms.kills} times during repairs (seed {terms.seed})."
        if terms.crash
        else ""
    )
    return (
        f"{terms.started_at:%Y-%m-%d %H:%M} UTC, {terms.seconds:.0f} s, {terms.jobs} trials at a time. "
        f"Healthy for {terms.settle:g} s before the fault; healed means within {terms.timeout:g} s of the alert, "
        f"for {terms.sustain:g} s, with nothing else changed.{crash}"
    )


def _totals(results: Sequence[Result], terms: Conditions) -> list[tuple[str, str]]:
    n = summary(results)
    rows = [
        (
            "faults healed, nothing else changed",
            f"{n['healed']} of {n['faults']} ({_number(n['healed_percent'])} %)",
        ),
        ("at the first attempt", f"{_number(n['first_attempt_percent'])} %"),
        ("at the first or second attempt", f"{_number(n['second_attempt_percent'])} %"),
        ("controls left alone", f"{n['controls_untouched']} of {n['controls']}"),
        ("false actions on controls", str(n["false_actions"])),
        ("collateral changes", f"{n['collateral_changes']} in {n['faults_with_collateral']} faults"),
        ("attempts per incident", _number(n["attempts_per_incident"])),
        ("time to detect (from the fault)", _pair(n, "detect_s")),
        ("time to act (from the alert)", _pair(n, "act_s")),
        ("time to heal (from the alert)", _pair(n, "heal_s")),
    ]
    if terms.crash:
        rows.append(("engine killed", f"{terms.kills} times"))
    if terms.ends:
        rows.append(("engine ended by itself", f"{terms.ends} times"))
    return rows


def _pair(n: dict[str, Any], name: str) -> str:
    return f"median {_number(n[f'median_{name}'])} s, p95 {_number(n[f'p95_{name}'])} s"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _families(results: Sequence[Result]) -> Iterable[tuple[str, ...]]:
    for row in families(results):
        times = (_number(row.median_heal_s), _number(row.p95_heal_s))
        yield row.name, f"{row.good}/{row.trials}", str(row.attempts), *times, str(row.collateral)


def _scenario(result: Result) -> tuple[str, ...]:
    v = result.verdict
    engine = ", ".join(dict.fromkeys(f"{h.state(v.judged_at)} ({h.cause})" for h in result.healings))
    note = v.note if len(v.note) < 120 else v.note[:117] + "..."
    word = "ok" if v.ok else "**failed**"
    return v.name, v.family, word, _number(v.heal_s), str(result.attempts), engine, note


def _failures(results: Sequence[Result]) -> list[str]:
    """What was changed that should not have been, in full."""
    harmed = [r.verdict for r in results if r.verdict.collateral]
    if not harmed:
        return []
    lines = [f"- {v.name}: {_cell(change)}" for v in harmed for change in v.collateral]
    return ["## Collateral", "\n".join(lines)]


def _published() -> Iterable[tuple[str, ...]]:
    return ((p.benchmark, p.what, p.figure, p.source) for p in MITIGATED)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def brief(results: Sequence[Result], terms: Conditions) -> str:
    """The totals for a terminal."""
    return "\n".join(f"{name:38} {value}" for name, value in _totals(results, terms))
