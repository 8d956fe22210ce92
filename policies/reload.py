"""Policy files are taken up when they change; one that is broken leaves the rules in force that were read before, and says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from policies.rules import Policy, load_policy
from policies.verdict import PolicyEngine
from suture.domain.errors import Invalid

log = structlog.get_logger(__name__)
LOOK_SECONDS = 1.0  # how often the files' times are looked at; the decision itself reads no file
Stamp = tuple[tuple[int, int], ...]


class Reloading:
    """The policy engine of today's files. `make` builds one from loaded policies."""

    def __init__(self, files: Sequence[Path], make: Callable[[Sequence[Policy]], PolicyEngine]) -> None:
        """Raises Invalid when a file cannot be read: a process must not start without its rules."""
        self._files, self._make = list(files), make
        self._stamp = self._stamped()
        self._looked = time.monotonic()
        self._engine = self._read()
        self.problem = ""

    def engine(self) -> PolicyEngine:
        """The engine to ask now; looks at the files at most once a second."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            stamp = self._stamped()
            if stamp != self._stamp:
                self._stamp = stamp
                self._take_up()
        return self._engine

    def look(self) -> str:
        """What is wrong with today's files; empty when they are in force."""
        self.engine()
        return self.problem

    def _take_up(self) -> None:
        try:
            self._engine, self.problem = self._read(), ""
            log.info("the policies were read again", hash=self._engine.hash)
        except Invalid as e:
            self.problem = str(e)
            log.error(
                "the policies that were read before stay in force", reason=str(e), hash=self._engine.hash
            )

    def _read(self) -> PolicyEngine:
        return self._make([load_policy(f) for f in self._files])

    def _stamped(self) -> Stamp:
        return tuple((s.st_mtime_ns, s.st_ino) if (s := _stat(f)) else (0, 0) for f in self._files)


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None
