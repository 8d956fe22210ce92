"""One run: an installation of its own, every scenario, the verdicts joined with what the engine remembers."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from lab.scenario import alert, run
from lab.scenario.judge import Terms, Verdict
from lab.scenario.model import load_scenario
from lab.scenario.trial import Trial
from lab.scoreboard import healings, report
from lab.scoreboard.crashes import Crashes
from lab.scoreboard.engine import Engine, installation
from lab.scoreboard.figures import Result, flawless
from lab.scoreboard.progress import Progress
from lab.scoreboard.report import Conditions
from suture.cli.problems import Failure

PATIENCE_SECONDS = 60.0
"""For so long an alert is sent again while the engine does not answer, as Alertmanager does."""


@dataclass(frozen=True)
class Order:
    """What is to be run, and how."""

    home: Path
    scenarios: Sequence[Path]
    only: str
    terms: Terms
    jobs: int
    crash: bool
    seed: int
    json_file: Path | None
    page: Path | None


def scoreboard(order: Order) -> int:
    """Run it and report; returns 0 only if all is healed and nothing harmed."""
    files = run.files_of(order.scenarios, order.only)
    if not files:
        raise Failure(f"no scenario fits {order.only!r}", "`--only` is a glob over the names of the files")
    for file in files:
        load_scenario(file)  # a mistake in a file is told before anything is started
    began, started_at = time.monotonic(), datetime.now(UTC)
    verdicts, kills, engine = _trials(order, files)
    found = healings.read(engine.database)
    results = [Result(v, healings.belonging(v, found), kills.get(v.namespace, 0)) for v in verdicts]
    conditions = Conditions(
        started_at=started_at,
        seconds=round(time.monotonic() - began, 1),
        jobs=order.jobs,
        settle=order.terms.settle,
        sustain=order.terms.sustain,
        timeout=order.terms.timeout,
        crash=order.crash,
        seed=order.seed,
        kills=engine.supervisor.kills,
        ends=engine.supervisor.ends,
    )
    report.write(results, conditions, order.json_file, order.page)
    print("\n" + report.brief(results, conditions))
    for file in filter(None, (order.page, order.json_file)):
        print(f"wrote {file}")
    return 0 if flawless(results) and not conditions.ends else 1


def _trials(order: Order, files: list[Path]) -> tuple[list[Verdict], dict[str, int], Engine]:
    progress = Progress(len(files))
    progress.say("starting a cluster, a Temporal server and the engine")
    with _terminable(), installation(order.home) as (stack, engine):
        if stack.cluster is None:
            raise Failure("the lab has no cluster")
        progress.say(f"the engine is ready at {engine.gateway}")
        crashes = Crashes(order.seed, engine.supervisor.kill, engine.ready)

        def tell(trial: Trial, phase: str) -> None:
            progress.tell(trial, phase)
            if order.crash:
                crashes.tell(trial, phase)

        heal = alert.poster(engine.alerts, PATIENCE_SECONDS)
        try:
            verdicts = run.run(stack.cluster, files, heal, order.terms, order.jobs, tell)
        finally:
            crashes.stop()
        return verdicts, crashes.kills, engine


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run, once: who asks again must not disturb the stopping of what was started."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
