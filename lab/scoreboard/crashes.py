"""Killing the engine at random moments of each repair: what is durable must come to the same result."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from itertools import pairwise

from lab.scenario.judge import CLEARS, HEALS, WATCHES
from lab.scenario.trial import Trial

KILLS = (1, 3)
"""At least and at most so many a repair, if it takes long enough."""
FIRST_SECONDS = (0.2, 6.0)
GAP_SECONDS = (8.0, 20.0)
"""Long enough to start again and get some work done; an engine that is never up heals nothing."""
LEAST_UP = 4.0
"""Seconds of work that the engine gets between two kills of whichever trials: several share one engine."""
LOOK = 0.2


def moments(seed: int, name: str) -> list[float]:
    """Seconds after the alert at which the engine is killed; the same seed gives the same ones."""
    rng = random.Random(f"{seed}:{name}")
    out = [rng.uniform(*FIRST_SECONDS)]
    for _ in range(rng.randint(*KILLS) - 1):
        out.append(out[-1] + rng.uniform(*GAP_SECONDS))
    return out


class Crashes:
    """Listens to the trials, and kills while one of them is under repair."""

    def __init__(self, seed: int, kill: Callable[[], bool], ready: Callable[[], bool] = lambda: True) -> None:
        self._seed, self._kill, self._ready = seed, kill, ready
        self._one = threading.Lock()
        self._killed_at: float | None = None
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
            self.kills[ns] += self._kill_at_work(over)

    def _kill_at_work(self, over: threading.Event) -> bool:
        """Kill the engine, after the kill of another trial not before it has been at work again for a while."""
        with self._one:
            since = None if self._killed_at is not None else 0.0
            while since is None or (self._killed_at is not None and time.monotonic() - since < LEAST_UP):
                if over.wait(LOOK):
                    return False
                since = (since or time.monotonic()) if self._ready() else None
            self._killed_at = time.monotonic()
            return self._kill()
