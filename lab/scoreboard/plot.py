"""The plot of a run as a small SVG, written by hand: a plotting library would be the lab's largest dependency."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lab.scoreboard.figures import Family, Result, families
from lab.scoreboard.published import MITIGATED

_WIDTH, _ROW, _LEFT, _BAR = 900, 22, 200, 250
_CURVE_X, _CURVE_W = 570, 290
_GOOD, _BAD, _THEIRS, _INK = "#2e7d5b", "#c2554d", "#8a8f98", "#22262b"


def svg(results: Sequence[Result]) -> str:
    """Healed per family, figures published by others, and how fast healing was."""
    rows = families(results)
    theirs_at = 74 + _ROW * len(rows)
    height = max(theirs_at + _ROW * (len(MITIGATED) + 2), 380)
    body = [
        _text(20, 28, "Suture: healed and nothing else changed, per family", weight="bold"),
        *(part for i, row in enumerate(rows) for part in _family(row, 48 + _ROW * i)),
        _text(20, theirs_at, "Published by others, on their own set-ups", weight="bold"),
        *(part for i in range(len(MITIGATED)) for part in _published(i, theirs_at + 14 + _ROW * i)),
        *_curve(sorted(r.verdict.heal_s for r in results if r.verdict.ok and r.verdict.heal_s is not None)),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12" fill="{_INK}">'
    )
    back = f'<rect width="{_WIDTH}" height="{height}" fill="white"/>'
    return "\n".join([head, back, *body, "</svg>\n"])


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
    )


def _rect(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="14" fill="{colour}"/>'


def _family(row: Family, y: int) -> list[str]:
    good = _BAR * row.good / row.trials
    return [
        _text(_LEFT - 8, y + 11, row.name, "end"),
        _rect(_LEFT, y, good, _GOOD),
        _rect(_LEFT + good, y, _BAR - good, _BAD),
        _text(_LEFT + _BAR + 8, y + 11, f"{row.good}/{row.trials}"),
    ]


def _published(index: int, y: int) -> list[str]:
    theirs = MITIGATED[index]
    start = 0 if theirs.low == theirs.high else theirs.low
    return [
        _text(_LEFT - 8, y + 11, theirs.benchmark, "end"),
        _rect(_LEFT + _BAR * start / 100, y, _BAR * (theirs.high - start) / 100, _THEIRS),
        _text(_LEFT + _BAR + 8, y + 11, theirs.figure),
    ]


def _curve(times: list[float]) -> list[str]:
    """How many of the healed faults were healed within so many seconds."""
    top, bottom = 48, 290
    out = [_text(_CURVE_X, 28, "Time from alert to healthy, healed faults", weight="bold")]
    longest = max([*times, 1.0])
    for part in (0, 50, 100):
        y = bottom - (bottom - top) * part / 100
        out.append(f'<path d="M{_CURVE_X} {y:.0f}h{_CURVE_W}" stroke="#d9dce0"/>')
        out.append(_text(_CURVE_X - 6, y + 4, f"{part} %", "end"))
    for tick in range(5):
        seconds = longest * tick / 4
        out.append(_text(_CURVE_X + _CURVE_W * tick / 4, bottom + 18, f"{seconds:.0f} s", "middle"))
    path = f"M{_CURVE_X} {bottom}"
    for done, seconds in enumerate(times, start=1):
        x = _CURVE_X + _CURVE_W * seconds / longest
        path += f"H{x:.1f}V{bottom - (bottom - top) * done / len(times):.1f}"
    return [*out, f'<path d="{path}" fill="none" stroke="{_GOOD}" stroke-width="2"/>']
