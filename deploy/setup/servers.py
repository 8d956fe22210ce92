"""Builds the real servers from their pinned Go modules, once a machine.

From source, because Go checks every source against go.sum, which no download of a binary could match.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.setup.locks import alone
from deploy.setup.steps import Report, Step, StepFailed
from lab.tools import Module, build_folder, cache_home, go_environment, missing

_ADVICE = """Run `make tools` again: it goes on with what is not built yet.
Go must be as new as deploy/tools/*/go.mod says; `go version` tells."""


def provide(modules: Sequence[Module], report: Report) -> None:
    """Builds every binary that this machine lacks."""
    if not (lacking := [module for module in modules if missing(module)]):
        return
    _require_go()
    total = sum(len(missing(module)) for module in lacking)
    report.say(
        f"servers: building {total} from source, once for this machine (all 6: about 11 minutes on 2 cores)"
    )
    done = 0
    for module in lacking:
        with alone(cache_home() / "tools" / f"{module.name}.lock", f"servers ({module.name})", report):
            for name in missing(module):
                done += 1
                _provide(module, name, f"[{done}/{total}] {name}", report)


def _provide(module: Module, name: str, title: str, report: Report) -> None:
    """Builds beside the final place and renames: whoever looks there finds a whole binary or none."""
    folder = build_folder(module)
    folder.mkdir(parents=True, exist_ok=True)
    report.say(f"{title}: looking at its packages (and fetching their sources, the first time)")
    dependencies = _dependencies(module, dict(module.packages)[name], title, report)
    unfinished = folder / f".{name}.unfinished"
    finished = Step(
        name=title,
        command=_build_command(module, dict(module.packages)[name], unfinished),
        log=_log(name),
        advice=_ADVICE,
        directory=module.directory,
        environment=go_environment(),
        progress=lambda log: _progress(log, dependencies),
    ).run(report)
    unfinished.rename(folder / name)
    report.say(f"{title}: built in {finished.seconds:.0f} s")


def _build_command(module: Module, package: str, target: Path) -> list[str]:
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", module.linker_flags()]
    return ["go", "build", "-v", *flags, "-o", str(target), package]


def _dependencies(module: Module, package: str, title: str, report: Report) -> int:
    """How many packages the binary is made of; fetches their sources, so that building needs no network."""
    listing = Step(
        name=title,
        command=["go", "list", "-deps", "-f", "package {{.ImportPath}}", package],
        log=_log(f"{module.name}-packages"),
        advice=_ADVICE,
        directory=module.directory,
        environment=go_environment(),
        progress=lambda log: f"{log.count('go: downloading')} modules fetched",
    ).run(report)
    return sum(line.startswith("package ") for line in listing.log.splitlines())


def _progress(log: str, dependencies: int) -> str:
    compiled = sum(1 for line in log.splitlines() if line and not line.startswith(("go:", "#")))
    return f"{compiled} of at most {dependencies} packages compiled"


def _log(name: str) -> Path:
    return cache_home() / "logs" / f"{name}-{os.getpid()}.log"


def _require_go() -> None:
    try:
        subprocess.run(["go", "version"], env=go_environment(), capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        advice = (
            "Install Go 1.26 or newer and put it on PATH,\nor set SUTURE_TOOLS to a folder with the servers."
        )
        raise StepFailed("servers", "there is no working `go` on this machine", advice) from error
