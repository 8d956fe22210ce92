"""Keeps one program running whatever happens to it, as systemd or a kubelet would, and ends it for certain.

The scoreboard kills the engine on purpose; whoever starts it again must not be the one who judges.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

RESTARTS = 5
"""A program that ends by itself more often than this is not started again."""
PAUSE_SECONDS = 0.5


class Supervisor:
    """One program: started again whenever it ends, until it is stopped."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> None:
        self._command, self._env, self._folder, self._log = list(command), dict(env), folder, log
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._minder: threading.Thread | None = None
        self._killed: int | None = None
        self.kills = 0
        """How often it was killed here."""
        self.ends = 0
        """How often it ended by itself, which it never should."""

    @property
    def pid(self) -> int | None:
        """The process that runs now; None when there is none."""
        child = self._child
        return child.pid if child and child.poll() is None else None

    @property
    def broken(self) -> bool:
        """Is it no longer started again?"""
        return self.ends > RESTARTS

    def start(self) -> None:
        """Start the program and mind it."""
        self._launch()
        self._minder = threading.Thread(target=self._mind, name="supervisor", daemon=True)
        self._minder.start()

    def kill(self) -> bool:
        """SIGKILL the program; False when it does not run just now."""
        with self._lock:
            child = self._child
            if self._stopping.is_set() or child is None or child.poll() is not None:
                return False
            self._killed = child.pid
            child.kill()
            self.kills += 1
            return True

    def stop(self, grace: float = 40.0) -> None:
        """End the program politely, and after the grace period for certain."""
        with self._lock:
            self._stopping.set()
            child = self._child
        if child and child.poll() is None:
            child.terminate()
            try:
                child.wait(grace)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5)
        if self._minder:
            self._minder.join(5)

    def _launch(self) -> None:
        with self._log.open("ab") as out:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C in the terminal must not reach it: it is stopped in order
                cwd=self._folder,
                env=self._env,
            )

    def _mind(self) -> None:
        while self._child and not self._stopping.is_set():
            self._child.wait()
            if self._child.pid != self._killed and not self._stopping.is_set():
                self.ends += 1
                self._stopping.wait(PAUSE_SECONDS)
            with self._lock:
                if self._stopping.is_set() or self.broken:
                    return
                self._launch()
