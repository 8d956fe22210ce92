"""`suture lab`: what the engine heals, measured in the project's own fault lab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measure the engine in the fault lab.", no_args_is_help=True)

Scenarios = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[SCENARIO...]", help="Files or folders; default: the lab's own."),
]
Only = Annotated[str, typer.Option(metavar="GLOB", help="Only files with such names (without .yaml).")]
Jobs = Annotated[int, typer.Option(min=1, max=32, help="Trials at the same time.")]
Crash = Annotated[bool, typer.Option("--crash", help="Kill the engine at random during each repair.")]
Seed = Annotated[int, typer.Option(help="For the moments of --crash.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything as JSON.")]
Page = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Write the report; a plot beside it.")
]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to heal.")]
Settle = Annotated[float, typer.Option(min=0, help="Healthy seconds before the fault.")]
Sustain = Annotated[float, typer.Option(min=0, help="Seconds it must stay healthy.")]
Observe = Annotated[float, typer.Option(min=0, help="Seconds in which a control must be left alone.")]


@app.callback()
def lab() -> None:
    """Measure the engine in the fault lab."""


@app.command("run")
def run(
    scenarios: Scenarios = None,
    only: Only = "*",
    jobs: Jobs = 2,
    crash: Crash = False,
    seed: Seed = 1,
    json_file: JsonFile = None,
    page: Page = None,
    timeout: Timeout = 180,
    settle: Settle = 15,
    sustain: Sustain = 10,
    observe: Observe = 30,
) -> None:
    """Break the lab's applications in every way, and judge what the engine makes of it.

    It starts a cluster, a Temporal server and an engine (`suture up --autopilot`) of its own, whatever
    KUBECONFIG or TEMPORAL_ADDRESS say, and stops them at the end. The exit code is 0 only if every fault was
    healed, every control left alone, and nothing else changed.
    """
    import os

    from lab.scenario.judge import Terms
    from lab.scoreboard.run import Order, scoreboard
    from suture.settings import state_home

    home = Path(os.environ.get("SUTURE_STATE_DIR") or state_home()) / "scoreboard"
    order = Order(
        home=home.resolve(),
        scenarios=scenarios or [],
        only=only,
        terms=Terms(settle=settle, sustain=sustain, timeout=timeout, observe=observe),
        jobs=jobs,
        crash=crash,
        seed=seed,
        json_file=json_file,
        page=page,
    )
    raise typer.Exit(scoreboard(order))
