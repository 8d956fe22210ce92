"""Installs the Debian packages that tests run for real: databases, Prometheus, a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.setup.locks import alone
from deploy.setup.steps import Report, Step, StepFailed
from lab.tools import cache_home

# Package -> a program of it, by name or by pattern: whoever has the program from elsewhere needs no package.
PROGRAMS = {
    "prometheus": "promtool",  # which comes with the server
    "prometheus-alertmanager": "prometheus-alertmanager",
    "postgresql": "/usr/lib/postgresql/*/bin/initdb",
    "redis-server": "redis-server",
    "chromium": "chromium",
    "openssl": "openssl",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def provide(programs: Mapping[str, str], report: Report) -> None:
    """Installs the packages whose programs are not there."""
    if packages := [package for package, program in programs.items() if not _present(program)]:
        install(packages, report)


def install(packages: Sequence[str], report: Report) -> None:
    """Installs Debian packages; raises StepFailed with the command to run where that cannot be."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise StepFailed("system packages", f"not on this machine: {', '.join(packages)}", by_hand(packages))
    with alone(cache_home() / "locks" / "system.lock", "system packages", report), _no_services():
        report.say(f"system packages: installing {', '.join(packages)}")
        options = ["-o", "DPkg::Lock::Timeout=300", "-qq"]
        _run(["apt-get", *options, "update"], packages, report)
        _run(["apt-get", *options, "install", "-y", "--no-install-recommends", *packages], packages, report)


def by_hand(packages: Sequence[str]) -> str:
    command = f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {' '.join(packages)}"
    return (
        f"Run: {command}\nOn another system install the same programs by its own means, then call make again."
    )


def _present(program: str) -> bool:
    if program.startswith("/"):
        on_path = shutil.which(Path(program).name) is not None
        return on_path or any(Path("/").glob(program.removeprefix("/")))
    return shutil.which(program) is not None


def _run(command: list[str], packages: Sequence[str], report: Report) -> None:
    Step(
        name="system packages",
        command=command,
        log=cache_home() / "logs" / f"apt-{os.getpid()}.log",
        advice=by_hand(packages),
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        progress=lambda log: f"{log.count('Setting up ')} set up",
    ).run(report)


@contextmanager
def _no_services() -> Iterator[None]:
    """The tests start servers of their own: keeps apt from starting the packages' services."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
