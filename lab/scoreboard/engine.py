"""The engine under test: `suture up --autopilot` as a child, with its own directory, database and Temporal.

It is given what an installation has, a kubeconfig and a Temporal address. It learns nothing of the scenarios,
and the lab's rules lie in a directory that it is never told about.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab import processes
from lab.processes import free_ports
from lab.scoreboard.supervisor import Supervisor
from lab.stack import CLUSTER_NAME, Runtime, Stack
from suture.cli.problems import Failure

READY_SECONDS = 90.0
_MARK = ".suture-scoreboard"
_SOURCE = Path(__file__).resolve().parents[2]
_FOREIGN = ("TEMPORAL_", "SUTURE_", "KUBE", "OTEL_", "DATABASE_URL")
_KEPT = ("SUTURE_OPTIONS__", "SUTURE_DEBUG")


class Engine:
    """The engine in a directory, kept running by a supervisor."""

    def __init__(self, home: Path, kubeconfig: Path, temporal: Mapping[str, str]) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.log = home, home / "engine.log"
        own = home / "kubeconfig"
        own.touch(mode=0o600)
        own.write_text(kubeconfig.read_text())
        [port] = free_ports(1)
        self.gateway = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "suture.cli", "--state-dir", str(home), "up", "--autopilot"]
        command += ["--listen", f"127.0.0.1:{port}", "--kubeconfig", str(own), "--cluster", CLUSTER_NAME]
        env = {**environment(os.environ), **temporal, "SUTURE_LOG": str(self.log)}
        self.supervisor = Supervisor(command, env, home, self.log)

    @property
    def alerts(self) -> str:
        """Where Alertmanager sends its webhook."""
        return f"{self.gateway}/v1/alerts/alertmanager"

    @property
    def database(self) -> str:
        """The engine's memory."""
        return f"sqlite+aiosqlite:///{self.home / 'memory.db'}"

    def start(self) -> None:
        """Start it; returns when it is ready. Raises Failure with the end of its log."""
        self.supervisor.start()
        deadline = time.monotonic() + READY_SECONDS
        while not self.ready():
            if time.monotonic() > deadline or self.supervisor.ends:
                raise Failure(f"the engine did not start:\n{self._tail()}", f"the whole log: {self.log}")
            time.sleep(0.1)

    def ready(self) -> bool:
        """Has the process that runs now written its note?"""
        runtime = Runtime.load(self.home)
        return bool(runtime and runtime.process and runtime.process.pid == self.supervisor.pid)

    def stop(self) -> None:
        """Stop it for good."""
        self.supervisor.stop()

    def _tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in text[-lines:])


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The given variables without any that names another Temporal, cluster, database or policy."""
    kept = {k: v for k, v in given.items() if k.startswith(_KEPT) or not k.startswith(_FOREIGN)}
    path = os.pathsep.join(filter(None, [str(_SOURCE), given.get("PYTHONPATH", "")]))
    return {**kept, "PYTHONPATH": path}


@contextlib.contextmanager
def installation(home: Path) -> Iterator[tuple[Stack, Engine]]:
    """A cluster, a Temporal server and a ready engine in an emptied directory; all are stopped at the end."""
    with _alone(home):
        stack = Stack(home)
        engine: Engine | None = None
        try:
            stack.start()
            if stack.cluster is None:
                raise Failure("the lab has no cluster")
            engine = Engine(home / "engine", stack.cluster.engine_kubeconfig, stack.environment())
            engine.start()
            yield stack, engine
        finally:
            if engine:
                engine.stop()
            stack.stop()


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Empty the directory and keep others out. Raises Failure if it is in use, or holds strangers' files."""
    home.mkdir(parents=True, exist_ok=True)
    if any(home.iterdir()) and not (home / _MARK).exists():
        raise Failure(
            f"{home} holds files that are not the scoreboard's", "name another place with --state-dir"
        )
    with (home / _MARK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                f"a run is under way in {home}", "wait for it, or name another --state-dir"
            ) from None
        _clear(home)
        yield


def _clear(home: Path) -> None:
    """Stop what a killed run left behind, and forget it."""
    left = Runtime.load(home / "engine")
    if left and left.process:
        processes.stop([left.process])
    Stack(home).stop()
    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
