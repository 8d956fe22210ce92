"""The order of the set-up's parts, and what a person sees of it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deploy.setup import environment, servers, system
from deploy.setup.steps import Report, StepFailed
from lab.tools import MODULES

CHECKOUT = Path(__file__).resolve().parents[2]
PARTS: dict[str, Callable[[Report], None]] = {
    "python": lambda report: environment.provide(CHECKOUT, report),
    "tools": lambda report: servers.provide(MODULES, report),
    "system": lambda report: system.provide(system.PROGRAMS, report),
}


def main(names: list[str]) -> int:
    """Provides the named parts, or all of them. Returns the exit status."""
    if unknown := set(names) - set(PARTS):
        print(
            f"setup: no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}",
            file=sys.stderr,
        )
        return 2
    # As an exception, a plain kill ends the running compiler too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report, started = Report(), time.monotonic()
    try:
        for name in names or PARTS:
            PARTS[name](report)
    except StepFailed as failure:
        print(failure.block(), file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; the next call goes on from here", file=sys.stderr)
        return 130
    if report.lines:
        report.say(f"setup: done in {time.monotonic() - started:.0f} s")
    return 0
