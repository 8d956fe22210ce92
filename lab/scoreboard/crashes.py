"""Killing the engine at random moments of each repair: what is durable must come to the same result."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from itertools import pairwise

from lab.scenario.judge import CLEARS, HEALS, WATCHES
from lab.scenario.trial import Trial

KILLS = (1, 3)
"""At least and at most so many a repair, if it takes long enough."""
FIRST_SECONDS = (0.2, 6.0)
GAP_SECONDS = (8.0, 20.0)
"""Long enough to start again and get some work done; an engine that is never up heals nothing."""


def moments(seed: int, name: str) -> list[float]:
    """Seconds after the alert at which the engine is killed; the same seed gives the same ones."""
    rng = random.Random(f"{seed}:{name}")
    out = [rng.uniform(*FIRST_SECONDS)]
    for _ in range(rng.randint(*KILLS) - 1):
        out.append(out[-1] + rng.uniform(*GAP_SECONDS))
    return out


class Crashes:
    """Listens to the trials, and kills while one of them is under repair."""

    def __init__(self, seed: int, kill: Callable[[], bool]) -> None:
        self._seed, self._kill = seed, kill
        self._over: dict[str, threading.Event] = {}
        self.kills: dict[str, int] = {}
        """By the trial's namespace."""

    def tell(self, trial: Trial, phase: str) -> None:
        """A trial has entered a phase."""
        if phase in (HEALS, WATCHES):
            over = self._over[trial.ns] = threading.Event()
            self.kills[trial.ns] = 0
            thread = threading.Thread(
                target=self._haunt, args=(trial.scenario.name, trial.ns, over), daemon=True
            )
            thread.start()
        elif phase == CLEARS and trial.ns in self._over:
            self._over[trial.ns].set()

    def stop(self) -> None:
        """Kill nobody any more."""
        for over in self._over.values():
            over.set()

    def _haunt(self, name: str, ns: str, over: threading.Event) -> None:
        for before, moment in pairwise([0.0, *moments(self._seed, name)]):
            if over.wait(moment - before):
                return
            self.kills[ns] += self._kill()
