"""`suture stats`: how well healing works, in numbers and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from suture.memory.views import Stats

Since = Annotated[
    str | None, typer.Option(metavar="AGE", help="Only newer ones, for example 12h, 30d or 2026-07-01.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also draw it: a file that ends with .svg or .png.")
]
FORMATS = (".svg", ".png")


def stats(since: Since = None, as_json: Json = False, plot: Plot = None) -> None:
    """Show success rate, execution rate, average recovery time and the routing distribution."""
    from suture.cli import attach, export, output
    from suture.cli.problems import WrongUse

    if plot is not None and plot.suffix.lower() not in FORMATS:
        raise WrongUse(f"{plot} is neither .svg nor .png", "name for example --plot stats.svg")
    if plot is not None and not plot.expanduser().absolute().parent.is_dir():
        raise WrongUse(f"there is no folder {plot.expanduser().absolute().parent}", "make it first")
    found = attach.run(_read(export.moment(since) if since else None))
    if as_json:
        output.as_json(found.model_dump(mode="json"))
    else:
        _tell(found)
    if plot is not None:
        draw(found, plot.expanduser())
        if not as_json:
            print(f"\ndrawn to {plot}")


async def _read(since: datetime | None) -> Stats:
    from suture.cli import attach, history
    from suture.cli.problems import Failure
    from suture.memory import queries

    installation = attach.find()
    async with history.opened(installation) as memory:
        if memory is None:
            raise Failure(
                f"there is no database yet at {installation.settings.database_url}", "start `suture up` once"
            )
        return await queries.stats(memory, since)


def _tell(found: Stats) -> None:
    from suture.cli import output

    print(f"incidents              {found.incidents}, {found.finished} finished")
    print(f"executed               {found.executed}/{found.finished}")
    print(f"success rate           {_percent(found.success_rate)}")
    print(f"execution rate         {_percent(found.execution_rate)}")
    print(f"average recovery time  {output.duration(found.average_recovery_seconds)}")
    for title, counts in (("Routing", found.routes), ("Outcomes", found.outcomes)):
        if counts:
            output.heading(title)
        for name, number in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"  {name:<20} {number:>6}  {number / sum(counts.values()):.0%}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def draw(found: Stats, file: Path) -> None:
    """Three charts side by side: routing, outcomes, rates. Raises OSError when the file cannot be written."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    routing, outcomes, rates = figure.subplots(1, 3)
    for axes, title, counts in ((routing, "Routing", found.routes), (outcomes, "Outcomes", found.outcomes)):
        axes.bar(list(counts), list(counts.values()), color="#3b6ea5")
        axes.set(title=title, ylabel="incidents")
        axes.tick_params(axis="x", rotation=20)
    shares = {"success": found.success_rate or 0.0, "execution": found.execution_rate or 0.0}
    bars = rates.bar(list(shares), list(shares.values()), color="#4f8f4f")
    rates.bar_label(bars, [f"{share:.0%}" for share in shares.values()])
    recovery = found.average_recovery_seconds
    note = "" if recovery is None else f", recovery {recovery:.1f} s on average"
    rates.set(title=f"Rates{note}", ylim=(0, 1.1))
    figure.suptitle(f"{found.finished} finished incidents")
    figure.savefig(file, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
