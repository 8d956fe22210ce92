"""The stages of an incident on a time line, with its reports and changes, as SVG. matplotlib loads only when it is drawn."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import Any

from suture.domain.incident import IncidentRecord
from suture.domain.stages import Stage
from suture.report.facts import Facts

_COLOURS = dict(
    zip(Stage, ("#4878a8", "#6aa0c8", "#8fb8a8", "#e0b050", "#d07050", "#9070b0", "#808890"), strict=True)
)
Span = tuple[Stage, datetime, datetime]


def spans(record: IncidentRecord) -> list[Span]:
    """Which stage the incident was in from when to when, by its timeline; a stage may come several times."""
    found: list[Span] = []
    for entry in record.timeline:
        if found and found[-1][0] is entry.stage:
            found[-1] = (entry.stage, found[-1][1], entry.at)
            continue
        if found:
            found[-1] = (found[-1][0], found[-1][1], entry.at)
        found.append((entry.stage, entry.at, entry.at))
    ended = record.timings.ended_at
    if found and ended and ended > found[-1][2]:
        found[-1] = (found[-1][0], found[-1][1], ended)
    return found


def timeline_svg(facts: Facts) -> str:
    """The picture; the same story always gives the same bytes. Seconds since the trouble began."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    record = facts.record
    began = record.timings.started_at
    with mpl.rc_context({"svg.hashsalt": "suture", "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(9, 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        _stages(axes, record, began)
        _marks(axes, record, began)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "Suture"})
    return buffer.getvalue().decode()


def _stages(axes: Any, record: IncidentRecord, began: datetime) -> None:
    names = list(Stage)
    found = spans(record)
    whole = max((_since(began, end) for _, _, end in found), default=1.0) or 1.0
    for stage, start, end in found:
        width = max(_since(start, end), whole / 250)  # what took no time is still seen
        axes.barh(names.index(stage), width, left=_since(began, start), color=_COLOURS[stage], height=0.7)
    axes.set_yticks(range(len(names)), [str(s) for s in names])
    axes.set_ylim(len(names) - 0.4, -1.5)  # the first stage on top, and room for the marks above it
    axes.set_xlabel("seconds since the trouble began")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _marks(axes: Any, record: IncidentRecord, began: datetime) -> None:
    receipts = [r for a in record.attempts for r in a.receipts if r.done_at and r.changed]
    undone = [r for a in record.attempts for r in a.undone if r.done_at and r.changed]
    rows = (
        ("report", "v", "#303840", [r.received_at for r in record.reports]),
        ("change", "o", "#c03020", [r.done_at for r in receipts]),
        ("undo", "x", "#c03020", [r.done_at for r in undone]),
    )
    for label, shape, colour, times in rows:
        moments = [_since(began, at) for at in times if at]
        if moments:
            axes.plot(moments, [-0.9] * len(moments), shape, color=colour, label=label, clip_on=False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=3)


def _since(began: datetime, at: datetime) -> float:
    return max(timedelta(0), at - began).total_seconds()
