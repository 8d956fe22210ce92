"""A cluster in a directory: start it, find it again, stop it.

A second `up` on the same directory resumes the same cluster: data, users and (when they are still free)
ports. Whatever goes wrong while starting ends in a LabError that says which program it was, with the last
lines of its log.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3

from lab import processes
from lab.control_plane import commands, write_configuration
from lab.kube import ApiError, Kube
from lab.layout import ZONES, Ports, State, write_access
from lab.nodes import NODES_PER_ZONE, furnish
from lab.objects import is_ready
from lab.pki import make_pki
from lab.settings import Settings
from lab.tools import ToolMissing

_DATA = ("etcd", "logs", "pki", "certs", "config", "rules")
_FIRST, _SECOND = "etcd", "kube-apiserver"
_SOURCE = Path(__file__).resolve().parent.parent


class LabError(Exception):
    """The cluster could not be started, found or stopped."""


class LabCluster:
    """The cluster whose state is in `home`."""

    def __init__(self, home: Path | str, limit: float = 90.0) -> None:
        self.home = Path(home).resolve()
        self.limit = limit

    @property
    def kubeconfig(self) -> Path:
        """For people and tests (user `admin`)."""
        return self.home / "kubeconfig"

    @property
    def engine_kubeconfig(self) -> Path:
        """For the engine (user `engine`), so that the audit log tells its writes apart."""
        return self.home / "engine.kubeconfig"

    def kube(self, agent: str = "kubectl") -> Kube:
        """A client with admin's rights."""
        return Kube(self.kubeconfig, agent)

    def running(self) -> bool:
        """Is every process alive, and does the API server answer?"""
        state = State.load(self.home)
        if state is None or not state.processes or not all(p.alive() for p in state.processes):
            return False
        return _answers(self.home / "system.kubeconfig")

    def up(self, fresh: bool = False, settings: Settings | None = None) -> None:
        """Start the cluster, or resume it; returns when nodes are ready. `fresh` forgets everything first."""
        self.home.mkdir(parents=True, exist_ok=True)
        with self._locked():
            if fresh:
                self._stop()
                self._wipe()
            elif self.running() and settings in (None, Settings.load(self.home)):
                return
            self._stop()
            state = self._prepare(settings)
            try:
                self._start(state)
            except ToolMissing as problem:
                self._stop()
                raise LabError(str(problem)) from None
            except BaseException:
                self._stop()
                raise

    def down(self) -> None:
        """Stop what was started; the data stay."""
        if self.home.is_dir():
            with self._locked():
                self._stop()

    def process(self, name: str) -> processes.Process:
        """One of the running processes."""
        state = State.load(self.home)
        found = next((p for p in state.processes if p.name == name), None) if state else None
        if found is None:
            raise LabError(f"no process {name} was started in {self.home}")
        return found

    # ------------------------------------------------------------------ starting

    def _prepare(self, settings: Settings | None) -> State:
        for name in ("logs", "rules"):
            (self.home / name).mkdir(exist_ok=True)
        state = State.load(self.home) or State(ports=Ports.choose())
        if not state.ports.free():
            state.ports = Ports.choose()
        state.processes = []
        state.save(self.home)
        make_pki(self.home / "pki")
        write_access(self.home, state)
        write_configuration(self.home)
        (settings or Settings.load(self.home)).save(self.home)
        return state

    def _start(self, state: State) -> None:
        lines = commands(self.home, state.ports)
        end = time.monotonic() + self.limit

        def launch(name: str) -> None:
            log = self._log(name)
            if log.exists():
                log.replace(log.with_suffix(".old.log"))
            env = {**os.environ, "PYTHONPATH": str(_SOURCE)} if name == "kubelet" else None
            state.processes.append(processes.start(name, lines[name], log, env))
            state.save(self.home)

        launch(_FIRST)
        launch(_SECOND)
        system = self.home / "system.kubeconfig"
        self._wait(state, end, "the API server does not answer", _SECOND, lambda: _answers(system))
        for name in lines:
            if name not in (_FIRST, _SECOND):
                launch(name)
        kube = Kube(system, "lab")
        furnish(kube, state.ports.kubelet)
        self._wait(
            state,
            end,
            "the kubelet does not answer",
            "kubelet",
            lambda: processes.listening(state.ports.kubelet),
        )
        self._wait(
            state, end, "the nodes do not become ready", "kwok-" + ZONES[0], lambda: _nodes_ready(kube)
        )
        self._wait(
            state,
            end,
            "the controllers do not work",
            "kube-controller-manager",
            lambda: kube.get("ServiceAccount", "default", "default") is not None,
        )

    def _wait(self, state: State, end: float, problem: str, suspect: str, done: Callable[[], bool]) -> None:
        while not done():
            dead = next((p.name for p in state.processes if not p.alive()), None)
            if dead:
                raise LabError(f"{dead} ended while the cluster was starting\n{self._tail(dead)}")
            if time.monotonic() > end:
                raise LabError(f"{problem} after {self.limit:.0f} s\n{self._tail(suspect)}")
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _tail(self, name: str, lines: int = 15) -> str:
        log = self._log(name)
        text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
        return "\n".join([*(f"  {line}" for line in text), f"the whole log: {log}"])

    # ------------------------------------------------------------------ stopping

    def _stop(self) -> None:
        state = State.load(self.home)
        if state is None:
            return
        storage = [p for p in state.processes if p.name == _FIRST]
        processes.stop(p for p in state.processes if p.name != _FIRST)
        processes.stop(storage)  # last, so that nobody complains about its absence
        state.processes = []
        state.save(self.home)

    def _wipe(self) -> None:
        """Remove the lab's own files, and nothing that somebody else may have put here."""
        for name in _DATA:
            shutil.rmtree(self.home / name, ignore_errors=True)
        for name in ("state.json", "tokens.csv", "settings.json", "audit.log"):
            (self.home / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.home / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _answers(kubeconfig: Path) -> bool:
    try:
        return Kube(kubeconfig, "lab").text("readyz", timeout=2) == "ok"
    except (ApiError, OSError, urllib3.exceptions.HTTPError):
        return False


def _nodes_ready(kube: Kube) -> bool:
    return sum(map(is_ready, kube.list("Node"))) >= NODES_PER_ZONE * len(ZONES)
