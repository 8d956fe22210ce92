"""`suture up` as a process of its own, on servers that the tests already have, and what one does with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from lab.stack import Runtime
from lab.temporal import TemporalDevServer
from suture.domain.visibility import SearchAttribute
from tests.e2e.shop import until

SOURCE = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "SUTURE_TOOLS", "XDG_CACHE_HOME", "LANG")
PACE = {"STABLE_FOR": "1", "COOLDOWN": "1"}  # seconds; the rest is as users have it


class Installation:
    """One `suture up`. Its output and its log are in `log`, also after it was stopped and started again."""

    def __init__(
        self,
        home: Path,
        server: TemporalDevServer,
        kubeconfig: Path,
        arguments: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.home, self.log = home, home / "up.log"
        self.arguments = ["--listen", "127.0.0.1:0", "--cluster", "lab", *arguments]
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in KEPT},
            **{f"SUTURE_OPTIONS__{k}": v for k, v in PACE.items()},
            "HOME": str(home),
            "USER": "ada",
            "PYTHONPATH": str(SOURCE),
            "KUBECONFIG": str(kubeconfig),
            "TEMPORAL_ADDRESS": server.address,
            "SUTURE_STATE_DIR": str(home),
            "SUTURE_LOG": str(self.log),
            **(variables or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.runtime: Runtime

    def launch(self) -> None:
        """Start it without waiting."""
        (self.home / "runtime.json").unlink(missing_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._command("up", *self.arguments),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.home,
            )

    def start(self) -> Installation:
        """Returns when it is ready."""
        self.launch()
        return self.ready()

    def ready(self) -> Installation:
        def note() -> Runtime | None:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            return Runtime.load(self.home)

        self.runtime = until(note)
        return self

    def stop(self) -> float:
        """End it as Ctrl-C does; how many seconds that took."""
        began = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)
        return time.monotonic() - began

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of `suture`, which finds this installation by its state directory."""
        return subprocess.run(
            self._command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=self.home,
            timeout=60,
        )

    def get(self, path: str) -> httpx2.Response:
        return self._http("GET", path)

    def post(self, path: str, body: Any) -> httpx2.Response:
        return self._http("POST", path, json=body)

    @property
    def token(self) -> str:
        file = self.home / "token"
        return file.read_text().strip() if file.exists() else ""

    def _http(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = self.runtime.gateway + path
        with httpx2.Client(trust_env=False, timeout=20) as client:
            return client.request(method, url, headers=headers, **more)

    @staticmethod
    def _command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "suture.cli", *arguments]


def alert(name: str, namespace: str, **labels: str) -> dict[str, Any]:
    """What Alertmanager would post about a deployment."""
    told = {
        "alertname": "KubeDeploymentReplicasMismatch",
        "namespace": namespace,
        "deployment": name,
        **labels,
    }
    one = {
        "status": "firing",
        "labels": told,
        "annotations": {"summary": f"{name} has no replica that answers"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"fingerprint-{name}",
    }
    return {"version": "4", "groupKey": name, "status": "firing", "receiver": "suture", "alerts": [one]}


@contextmanager
def own_temporal(directory: Path) -> Iterator[TemporalDevServer]:
    """A server that no other worker polls: engines and other tests' workers share the name of a task queue."""
    server = TemporalDevServer(directory, search_attributes={str(a): "Keyword" for a in SearchAttribute})
    server.start()
    try:
        yield server
    finally:
        server.stop()
