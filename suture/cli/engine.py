"""What `suture up` does: one engine a state directory, its embedded parts, and a note for later commands."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from suture.cli import background as detached
from suture.cli import config
from suture.cli.problems import WrongUse

if TYPE_CHECKING:
    from lab.stack import Runtime, Stack
    from suture.settings import Settings
    from worker.service import Ready

_NEEDED = (
    "worker.service",
    "suture.targets.kubernetes.cluster",
    "suture.memory.migrations",
    "suture.api.app",
    "uvicorn",
)


def start(settings: Settings, embedded: bool, background: bool) -> int:
    """Run the engine (or find it running); returns the exit code."""
    _check(settings)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.state_dir) as first:
        if not first:
            return _already_runs(settings.state_dir)
        if not background:
            return asyncio.run(_serve(settings, _stack(settings, embedded)))
    return detached.start(settings.state_dir)


def _check(settings: Settings) -> None:
    """Raises WrongUse for what would only fail after the servers have started."""
    from policies.emergency import load_emergency
    from policies.limits import Limits
    from policies.post_incident import load_post_incident
    from policies.rules import load_policy
    from suture.access import People
    from suture.domain.errors import Invalid

    try:
        settings.tokens()
        People(settings.access_file)
        for file in settings.policies:
            load_policy(file)
        load_post_incident(settings.post_incident)
        load_emergency(settings.emergency)
        if settings.governor:
            Limits.load(settings.governor)
    except (Invalid, ValueError) as e:
        raise WrongUse(str(e)) from e


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
        await asyncio.gather(asyncio.to_thread(stack.start), asyncio.to_thread(_warm_up))
        if not stop.is_set():
            await _engine(settings, stack, stop)
    except asyncio.CancelledError:
        return 130
    finally:
        await asyncio.to_thread(stack.stop)
        _forget_process(settings.state_dir)
    return 0


def _warm_up() -> None:
    """Import what the engine needs while its servers start; what fails here is told by the engine."""
    for name in _NEEDED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


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
        print(f"suture is ready: {runtime.line}", flush=True)

    await serve(settings, stop, ready, ui=stack.temporal.ui_url if stack.temporal else "")


def _note(settings: Settings, stack: Stack, ready: Ready) -> Runtime:
    from lab.processes import Process
    from lab.stack import Runtime

    return Runtime(
        process=Process.current("engine"),
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
        print(f"already running (pid {runtime.process.pid}): {runtime.line}")
    else:
        print(f"another `suture up` is just starting in {state_dir}")
    return 0
