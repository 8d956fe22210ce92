"""The demo's own installation: `suture up` as a child, in an environment that names no other system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from lab.processes import free_ports
from lab.stack import Runtime, Stack
from suture.cli.problems import Failure

POLICY = Path(__file__).parent / "policy.yaml"
READY_SECONDS = 90.0
STOP_SECONDS = 40.0
_SOURCE = Path(__file__).resolve().parents[2]
_MARK = ".suture-demo"
_FOREIGN = ("TEMPORAL_", "SUTURE_", "KUBE", "OTEL_", "DATABASE_URL")
_KEPT = ("SUTURE_TOOLS", "SUTURE_DEBUG")
_PACE = {
    "STABLE_FOR": "2",
    "COOLDOWN": "1",
    "VERIFY_TIMEOUT": "45",
}  # a demo of a minute can't wait as long as an installation would


class Engine:
    """One installation in one directory, which is emptied first: every demo starts from nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "suture.log"
        self._child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Empty the directory. Raises Failure when a demo runs there, or the files are not a demo's."""
        runtime = Runtime.load(self.home)
        if runtime and runtime.running:
            raise Failure(f"a demo is running in {self.home}", f"stop it with `{self.stop_command()}`")
        Stack(self.home).stop()  # what a killed demo left behind
        if self.home.exists() and any(self.home.iterdir()):
            if not (self.home / _MARK).exists():
                raise Failure(
                    f"{self.home} holds files that are not the demo's", "name another place with --state-dir"
                )
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / _MARK).touch()

    def launch(self) -> None:
        """Start the child; Ctrl-C in the terminal does not reach it, so that it can be stopped in order."""
        [port] = free_ports(1)
        command = [sys.executable, "-m", "suture.cli", "--state-dir", str(self.home), "up", "--embedded"]
        command += ["--listen", f"127.0.0.1:{port}", "--policy", str(POLICY)]
        with self.log.open("wb") as out:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=self.home,
                env=environment(os.environ, self.log),
            )

    def ready(self) -> Runtime | None:
        """The note once the child is ready, None before. Raises Failure with its log's end when it ended."""
        runtime = Runtime.load(self.home)
        if runtime and runtime.running:
            return runtime
        if self._child and self._child.poll() is not None:
            raise Failure(f"the engine ended while starting:\n{self.tail()}", f"the whole log: {self.log}")
        return None

    def stop(self) -> None:
        """Stop the child, which stops what it started; what it left behind is stopped here."""
        if self._child and self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait(5)
        Stack(self.home).stop()

    def let_go(self) -> None:
        """Leave the child running after this program."""
        if self._child:
            self._child.returncode = 0

    def tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(f"  {line}" for line in text[-lines:])

    def stop_command(self) -> str:
        return f"suture --state-dir {self.home} down"


def environment(given: Mapping[str, str], log: Path) -> dict[str, str]:
    """The given variables without any that names another Temporal, cluster, database or policy."""
    kept = {k: v for k, v in given.items() if k in _KEPT or not k.startswith(_FOREIGN)}
    path = os.pathsep.join(filter(None, [str(_SOURCE), given.get("PYTHONPATH", "")]))
    pace = {f"SUTURE_OPTIONS__{name}": value for name, value in _PACE.items()}
    return {**kept, **pace, "PYTHONPATH": path, "TEMPORAL_CONFIG_FILE": os.devnull, "SUTURE_LOG": str(log)}


def wait_ready(engine: Engine) -> Runtime:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        runtime = engine.ready()
        if runtime:
            return runtime
        time.sleep(0.1)
    raise Failure(
        f"the engine is not ready after {READY_SECONDS:.0f} s:\n{engine.tail()}",
        f"the whole log: {engine.log}",
    )
