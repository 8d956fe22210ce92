"""One line for each step of a run, so that a person sees that it goes on, and where."""

from __future__ import annotations

import time

from lab.scenario.judge import CLEARS, ENDED
from lab.scenario.trial import Trial

_QUIET = (CLEARS, ENDED)


class Progress:
    """Prints which trial enters which phase; verdicts are printed by whoever runs the trials."""

    def __init__(self, trials: int) -> None:
        self._began, self._trials, self._ended = time.monotonic(), trials, 0

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """One line, written at once: trials report at the same time."""
        print(f"{self.elapsed:6.0f} s  {text}\n", end="", flush=True)

    def tell(self, trial: Trial, phase: str) -> None:
        """A trial has entered a phase."""
        if phase == ENDED:
            self._ended += 1
        if phase not in _QUIET:
            self.say(f"{self._ended:3}/{self._trials}  {trial.scenario.name:40} {phase}")
