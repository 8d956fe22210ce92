"""Two checkouts may set up at once: what they share is made under a lock.

It is the kernel's: when its holder dies, however that happens, it is free again.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deploy.setup.steps import PROGRESS_SECONDS, Report


@contextmanager
def alone(path: Path, what: str, report: Report) -> Iterator[None]:
    """Holds the lock file; says every few seconds that it waits for another set-up."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        started = said = time.monotonic()
        while not _taken(lock):
            if time.monotonic() - said >= PROGRESS_SECONDS or said == started:
                said = time.monotonic()
                report.say(f"{what}: another set-up is making this; waiting, {said - started:.0f} s")
            time.sleep(0.2)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
