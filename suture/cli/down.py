"""`suture down`: stop exactly what `suture up` started in this state directory, and say what that was."""

from __future__ import annotations

import time


def down() -> None:
    """Stop the running installation; its data stay."""
    from lab.processes import stop
    from lab.stack import Runtime, Stack
    from suture.cli import config

    state_dir = config.load().state_dir
    runtime = Runtime.load(state_dir)
    stopped: list[str] = []
    if runtime and runtime.process and runtime.running:
        began = time.monotonic()
        parts = [f"the embedded {name}" for name in runtime.embedded]
        stop([runtime.process], grace=60.0)  # it stops its embedded parts itself
        stopped += [f"the engine (pid {runtime.process.pid}, {time.monotonic() - began:.1f} s)", *parts]
    left = Stack(state_dir).stop() if state_dir.exists() else []  # what a killed engine left behind
    stopped += [f"the embedded {name}" for name in left if f"the embedded {name}" not in stopped]
    if runtime and runtime.process:
        runtime.model_copy(update={"process": None}).save(state_dir)
    print("stopped " + ", ".join(stopped) if stopped else f"nothing of {state_dir} is running")
