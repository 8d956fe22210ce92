"""Makes `.venv` from the lock with uv, whose cache every checkout of this user shares by hard links.

uv itself comes from the registry under a pinned hash, so that the machine needs nothing but Python and pip.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from deploy.setup import system
from deploy.setup.locks import alone
from deploy.setup.steps import Report, Step
from lab.tools import cache_home

UV_PIN = Path(__file__).with_name("uv.lock.txt")
_ADVICE = "Run the same command again; if it fails in the same way, remove .venv and try once more."


def provide(checkout: Path, report: Report) -> None:
    """Brings `.venv` to what the lock says; does nothing when it is there already."""
    if _ready(checkout):
        return
    place = hashlib.sha256(bytes(checkout)).hexdigest()[:16]
    with alone(cache_home() / "locks" / f"{place}.lock", "python", report):
        if not _ready(checkout):
            _provide(checkout, report)


def _provide(checkout: Path, report: Report) -> None:
    """The stamp goes first and comes back last: half an installation is never taken for a whole one."""
    works = _works(checkout)
    if (checkout / ".venv").exists() and not works:
        report.say("python: .venv is broken or made for another Python; making it anew")
    _stamp(checkout).unlink(missing_ok=True)
    _install(checkout, installer(report), works, report)
    _stamp(checkout).write_text(environment_key(checkout))


def _ready(checkout: Path) -> bool:
    stamp = _stamp(checkout)
    return stamp.is_file() and stamp.read_text() == environment_key(checkout) and _works(checkout)


def _works(checkout: Path) -> bool:
    return _interpreter(checkout / ".venv") == _version(sys.version_info)


def _stamp(checkout: Path) -> Path:
    return checkout / ".venv" / ".suture-stamp"


def environment_key(checkout: Path) -> str:
    """A hash of all that decides what `.venv` holds: lock, metadata, Python, and the checkout's place."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    parts = [
        (checkout / "requirements.lock").read_text(),
        json.dumps([project["project"], project["build-system"], project["tool"]["hatch"]], sort_keys=True),
        _version(sys.version_info),
        str(checkout),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _install(checkout: Path, uv: Path, works: bool, report: Report) -> None:
    python = str(checkout / ".venv" / "bin" / "python")
    if not works:
        create = [str(uv), "venv", "--clear", "--quiet", "--python", sys.executable, str(checkout / ".venv")]
        _run("python: new .venv", create, checkout, report)
    report.say(
        "python: installing what requirements.lock names (the first time on a machine about 5 GB, 2 minutes)"
    )
    sync = [str(uv), "pip", "sync", "--python", python, "--require-hashes", "requirements.lock"]
    seconds = _run("python: packages", sync, checkout, report)
    # Built with the hatchling of the lock: an isolated build would fetch one that nothing pins.
    project = [
        str(uv),
        "pip",
        "install",
        "--python",
        python,
        "--no-deps",
        "--no-build-isolation",
        "--editable",
        ".",
    ]
    seconds += _run("python: suture itself", project, checkout, report)
    report.say(f"python: ready in {seconds:.0f} s")


def installer(report: Report) -> Path:
    """The pinned uv, installed into a folder of its own in the cache."""
    pin = hashlib.sha256(UV_PIN.read_bytes()).hexdigest()[:16]
    folder = cache_home() / "uv" / f"{pin}-{platform.machine()}"
    with alone(folder.with_suffix(".lock"), "uv", report):
        if not (folder / "bin" / "uv").is_file():
            _install_uv(folder, report)
    return folder / "bin" / "uv"


def _install_uv(folder: Path, report: Report) -> None:
    _require_pip(report)
    partial = folder.with_suffix(".partial")
    for leftover in (folder, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    report.say("python: installing uv")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(partial), "--require-hashes"]
    _run("python: uv", [*pip, "--only-binary", ":all:", "-r", str(UV_PIN)], None, report)
    partial.rename(folder)


def _require_pip(report: Report) -> None:
    """Debian's Python comes without pip."""
    if subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    ).returncode:
        system.install(["python3-pip"], report)


def _run(name: str, command: list[str], directory: Path | None, report: Report) -> float:
    linking = {"UV_LINK_MODE": os.environ.get("UV_LINK_MODE", "hardlink"), "UV_NO_PROGRESS": "1"}
    unrelated = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_USER", "UV_SYSTEM_PYTHON")
    surroundings = {key: value for key, value in os.environ.items() if key not in unrelated}
    log = cache_home() / "logs" / f"python-{os.getpid()}.log"
    step = Step(name, command, log, _ADVICE, directory, surroundings | linking, _last_line)
    return step.run(report).seconds


def _last_line(log: str) -> str:
    lines = log.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")[:90]


def _interpreter(venv: Path) -> str:
    """The version of the environment's Python; empty when there is none that runs."""
    asked = [
        str(venv / "bin" / "python"),
        "-I",
        "-S",
        "-c",
        "import sys; print(*sys.version_info[:3], sep='.')",
    ]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _version(version: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in version[:3])
