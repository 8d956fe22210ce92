"""Processes that outlive the command that started them, and that are ended without hurting any other.

A pid alone is not enough: it may belong to somebody else by now. Each record holds the start time that the
kernel keeps for the process, and the boot it belongs to; a signal is sent only if they still fit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Process(BaseModel):
    """A process that the lab has started."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    started: int
    boot: str

    @classmethod
    def current(cls, name: str) -> Process:
        """The process that asks."""
        return cls(name=name, pid=os.getpid(), started=_stat(os.getpid()) or 0, boot=_boot())

    def alive(self) -> bool:
        """Is it still that process, and not a zombie?"""
        return self.boot == _boot() and _stat(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it is still alive."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> int | None:
    """When the process was started (clock ticks since boot), or None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in ("Z", "X"):
        _reap(pid)
        return None
    return int(fields[19])


def _reap(pid: int) -> None:
    """A child of ours that has ended stays a zombie until it is waited for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def start(
    name: str, command: Iterable[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> Process:
    """Start a process in a session of its own, with its output in a file."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=None if env is None else dict(env),
        )
    started = _stat(child.pid)
    child.returncode = 0  # it is not this object's business any more: no warning when it is collected
    return Process(name=name, pid=child.pid, started=started or 0, boot=_boot())


def stop(processes: Iterable[Process], grace: float = 5.0) -> None:
    """End processes: politely, and after the grace period for certain."""
    left = [p for p in processes if p.alive()]
    for process in left:
        process.send(signal.SIGCONT)  # a stopped process would not see the next one
        process.send(signal.SIGTERM)
    if _gone(left, grace):
        return
    for process in left:
        process.send(signal.SIGKILL)
    _gone(left, 5.0)


def _gone(processes: list[Process], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while any(p.alive() for p in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def port_is_free(port: int) -> bool:
    """Can somebody listen on this port of 127.0.0.1?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listening(port: int) -> bool:
    """Does somebody answer on this port of 127.0.0.1?"""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
