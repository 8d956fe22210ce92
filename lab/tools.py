"""Finds the real servers (Temporal, etcd, Kubernetes, kwok), built once a machine from pinned Go modules.

Where a build lies depends on all that goes into it, so that two checkouts with the same pins share one build
and a changed pin never meets an old binary. The bootstrap in deploy/setup builds to the place that is named
here, before anything is installed: this module uses the standard library only.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PINS = Path(__file__).resolve().parent.parent / "deploy" / "tools"


class ToolMissing(LookupError):
    """A server that the lab runs is neither built nor installed on this machine."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not on this machine: run `make tools` in the checkout, "
            "or set SUTURE_TOOLS to the folder that holds it"
        )


@dataclass(frozen=True)
class Module:
    """One Go module that pins the sources of some binaries."""

    directory: Path
    # (binary's name, main package), in the order in which they are built
    packages: tuple[tuple[str, str], ...]
    # (variable, module, prefix): the linker writes the pinned version into the variable. Each program reads it with or
    # without a "v": Temporal's server refuses a client whose version begins with one.
    versions: tuple[tuple[str, str, str], ...] = ()

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def binaries(self) -> tuple[str, ...]:
        return tuple(binary for binary, _ in self.packages)

    def linker_flags(self) -> str:
        pins = (self.directory / "go.mod").read_text()
        stamped = [
            f"-X {variable}={prefix}{_pinned(pins, module)}" for variable, module, prefix in self.versions
        ]
        return " ".join(["-s", "-w", *stamped])


MODULES = (
    Module(
        directory=_PINS / "temporal",
        packages=(("temporal", "github.com/temporalio/cli/cmd/temporal"),),
        versions=(("github.com/temporalio/cli/temporalcli.Version", "github.com/temporalio/cli", ""),),
    ),
    Module(
        directory=_PINS / "kubernetes",
        packages=(
            ("etcd", "go.etcd.io/etcd/server/v3"),
            ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
            ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
        ),
        versions=(("k8s.io/component-base/version.gitVersion", "k8s.io/kubernetes", "v"),),
    ),
)


def tool(name: str) -> Path:
    """The path of a server's binary: from SUTURE_TOOLS, else from this machine's builds, else from PATH.

    Raises ToolMissing, which says how to get it.
    """
    pinned = [module for module in MODULES if name in module.binaries and module.directory.is_dir()]
    for folder in [*_given_folder(), *map(build_folder, pinned)]:
        if (folder / name).is_file():
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    raise ToolMissing(name)


def missing(module: Module) -> list[str]:
    """The module's binaries that are still to be built here; what SUTURE_TOOLS holds needs no build."""
    folders = [*_given_folder(), build_folder(module)]
    return [name for name in module.binaries if not any((folder / name).is_file() for folder in folders)]


def cache_home() -> Path:
    """Where this user's builds, logs and installers are kept, shared by all checkouts."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "suture"


def build_folder(module: Module) -> Path:
    return cache_home() / "tools" / f"{module.name}-{build_key(module)}" / "bin"


def build_key(module: Module) -> str:
    """A hash of all that goes into a build: pins, flags, compiler and machine."""
    parts = [module.linker_flags(), _compiler(), *(f"{name}={package}" for name, package in module.packages)]
    for pins in ("go.mod", "go.sum"):
        parts.append((module.directory / pins).read_text())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def go_environment() -> dict[str, str]:
    """The environment of every call of Go: what a user set for other projects must not change the build."""
    kept = {key: value for key, value in os.environ.items() if key not in ("GOOS", "GOARCH", "GO111MODULE")}
    return kept | {"GOFLAGS": "-mod=readonly", "GOWORK": "off"}


@cache
def _compiler() -> str:
    """Version, system and architecture of the installed Go; empty where there is none, as in an image."""
    command = ["go", "env", "GOVERSION", "GOHOSTOS", "GOHOSTARCH"]
    try:
        answer = subprocess.run(command, env=go_environment(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout


def _given_folder() -> list[Path]:
    given = os.environ.get("SUTURE_TOOLS")
    return [Path(given)] if given else []


def _pinned(pins: str, module: str) -> str:
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} v(\S+)", pins, re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod does not pin {module}")
    return found[1]
