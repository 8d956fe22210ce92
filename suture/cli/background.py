"""`suture up --background`: the same command again in a session of its own, awaited until it is ready."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from suture.cli.problems import Failure

if TYPE_CHECKING:
    from lab.stack import Runtime

READY_SECONDS = 120.0
_LOG_LINES = 15


def start(state_dir: Path) -> int:
    """Start the same command again in its own session, and wait for its note."""
    log = state_dir / "suture.log"
    command = [sys.executable, "-m", "suture.cli", *(a for a in sys.argv[1:] if a != "--background")]
    with log.open("ab") as out:
        begin = out.tell()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "SUTURE_LOG": str(log)},
        )
    runtime = _await_note(state_dir, child, log, begin)
    child.returncode = 0  # it is on its own now
    print(f"suture is ready: {runtime.line} | log {log}")
    return 0


def _await_note(state_dir: Path, child: subprocess.Popen[bytes], log: Path, begin: int) -> Runtime:
    from lab.stack import Runtime

    deadline = time.monotonic() + READY_SECONDS
    try:
        while time.monotonic() < deadline:
            runtime = Runtime.load(state_dir)
            if runtime and runtime.process and runtime.process.pid == child.pid:
                return runtime
            if child.poll() is not None:
                raise Failure(f"suture ended while starting:\n{_tail(log, begin)}", f"the whole log: {log}")
            time.sleep(0.1)
    except KeyboardInterrupt:
        _end(child)
        raise
    _end(child)
    raise Failure(
        f"suture is not ready after {READY_SECONDS:.0f} s:\n{_tail(log, begin)}", f"the whole log: {log}"
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(30)


def _tail(log: Path, begin: int) -> str:
    lines = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    return "\n".join(f"  {text}" for text in lines[-_LOG_LINES:])
