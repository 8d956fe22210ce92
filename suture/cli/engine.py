"""What `suture up` does: one engine a state directory, its embedded parts, and a note for later commands."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from suture.cli import config
from suture.cli.problems import Failure

if TYPE_CHECKING:
    from lab.stack import Runtime, Stack
    from suture.settings import Settings
    from worker.service import Ready

READY_SECONDS = 120.0
_LOG_LINES = 15


def start(settings: Settings, embedded: bool, background: bool) -> int:
    """Run the engine (or find it running); returns the exit code."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.state_dir) as first:
        if not first:
            return _already_runs(settings.state_dir)
        if not background:
            return asyncio.run(_serve(settings, _stack(settings, embedded)))
    return _detach(settings.state_dir)


def line(runtime: Runtime) -> str:
    """The one line that says what runs where."""
    kind = " (embedded)" if "cluster" in runtime.embedded else ""
    parts = [
        runtime.gateway,
        f"Temporal {runtime.ui or runtime.temporal}",
        f"cluster {runtime.cluster}{kind}",
        runtime.mode,
    ]
    return " | ".join(parts)


def _stack(settings: Settings, embedded: bool) -> Stack:
    from lab.stack import CLUSTER_NAME, Stack

    own_cluster = embedded or not config.cluster_named(settings)
    stack = Stack(
        settings.state_dir,
        temporal=embedded or not config.temporal_named(),
        cluster=own_cluster,
        well_known=True,
    )
    if own_cluster and not embedded and config.cluster_lies_there():
        note = "~/.kube/config is left alone: give --context or --kubeconfig to heal that cluster"
        print(f"suture: {note}", file=sys.stderr)
    if stack.cluster:
        settings.kubeconfig = str(stack.cluster.engine_kubeconfig)
        settings.context = None
        if "cluster" not in settings.model_fields_set:
            settings.cluster = CLUSTER_NAME
    return stack


async def _serve(settings: Settings, stack: Stack) -> int:
    stop = asyncio.Event()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set() and task:
            task.cancel()  # asked twice: do not wait for what is under way
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        await asyncio.to_thread(stack.start)
        if not stop.is_set():
            await _engine(settings, stack, stop)
    except asyncio.CancelledError:
        return 130
    finally:
        await asyncio.to_thread(stack.stop)
        _forget_process(settings.state_dir)
    return 0


async def _engine(settings: Settings, stack: Stack, stop: asyncio.Event) -> None:
    from lab.stack import replace_variables
    from suture.telemetry import setup_logging
    from worker.service import serve

    setup_logging(level="INFO" if os.environ.get("SUTURE_LOG") else "WARNING")
    if stack.temporal:
        replace_variables("TEMPORAL_", stack.environment())

    def ready(found: Ready) -> None:
        runtime = _note(settings, stack, found)
        runtime.save(settings.state_dir)
        print(f"suture is ready: {line(runtime)}", flush=True)

    await serve(settings, stop, ready, ui=stack.temporal.ui_url if stack.temporal else "")


def _note(settings: Settings, stack: Stack, ready: Ready) -> Runtime:
    from lab.stack import Runtime, this_process

    return Runtime(
        process=this_process(),
        gateway=ready.gateway,
        temporal=ready.temporal,
        temporal_namespace=ready.namespace,
        ui=ready.ui,
        cluster=ready.cluster,
        kubeconfig=settings.kubeconfig or os.environ.get("KUBECONFIG"),
        context=settings.context,
        database=settings.database_url,
        mode=ready.mode,
        log=os.environ.get("SUTURE_LOG"),
        embedded=stack.parts,
        started_at=datetime.now(UTC),
    )


def _forget_process(state_dir: Path) -> None:
    from lab.stack import Runtime

    runtime = Runtime.load(state_dir)
    if runtime and runtime.process and runtime.process.pid == os.getpid():
        runtime.model_copy(update={"process": None}).save(state_dir)


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[bool]:
    """Whether this is the only engine of the directory; the lock goes with the process, however it ends."""
    with (state_dir / "engine.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _already_runs(state_dir: Path) -> int:
    from lab.stack import Runtime

    runtime = Runtime.load(state_dir)
    if runtime and runtime.process and runtime.running:
        print(f"already running (pid {runtime.process.pid}): {line(runtime)}")
    else:
        print(f"another `suture up` is just starting in {state_dir}")
    return 0


def _detach(state_dir: Path) -> int:
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
    print(f"suture is ready: {line(runtime)} | log {log}")
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
