"""The engine as a user runs it: `suture up` on an embedded stack of its own, with deployments to break and to watch."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from lab.cluster import LabCluster
from lab.kube import Kube
from lab.stack import Stack

NAMESPACE = "bench"
GOVERNOR = Path(__file__).with_name(
    "governor.yaml"
)  # the shipped limits would rightly slow 200 incidents down


@dataclass
class Engine:
    """Where everything answers."""

    gateway: str
    temporal: str
    cluster: LabCluster
    kube: Kube
    audit: Path


@contextmanager
def engine(**options: float) -> Iterator[Engine]:
    """A stack and `suture up --autopilot` in a process of its own; both end here."""
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as home:
        stack = Stack(Path(home))
        stack.start()
        assert stack.cluster is not None
        assert stack.temporal is not None
        cluster, log = stack.cluster, Path(home) / "up.log"
        up = [
            sys.executable,
            "-m",
            "suture.cli",
            "up",
            "--autopilot",
            "--listen",
            "127.0.0.1:0",
            "--cluster",
            "lab",
        ]
        with log.open("w") as out:
            process = subprocess.Popen(up, env=_environment(stack, home, options), stdout=out, stderr=out)
        try:
            gateway = _gateway(Path(home), process, log)
            kube, audit = Kube(cluster.kubeconfig), cluster.home / "audit.log"
            yield Engine(gateway, stack.temporal.address, cluster, kube, audit)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            stack.stop()


def _environment(stack: Stack, home: str, options: dict[str, float]) -> dict[str, str]:
    assert stack.cluster is not None
    names = {
        "KUBECONFIG": str(stack.cluster.engine_kubeconfig),
        "SUTURE_STATE_DIR": home,
        "SUTURE_GOVERNOR": str(GOVERNOR),
    }
    chosen = {f"SUTURE_OPTIONS__{k.upper()}": str(v) for k, v in options.items()}
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **stack.environment(), **names, **chosen}


def _gateway(home: Path, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    note = home / "runtime.json"
    while time.monotonic() < deadline and process.poll() is None:
        if note.exists():
            return str(json.loads(note.read_text())["gateway"])
        time.sleep(0.1)
    raise RuntimeError(f"suture up did not become ready:\n{log.read_text()[-3000:]}")


def deploy(kube: Kube, names: list[str], replicas: int = 0) -> None:
    """Deployments of one small pod each, scaled to `replicas`."""
    if kube.get("Namespace", None, NAMESPACE) is None:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for name in names:
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        kube.create(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": spec,
            },
            NAMESPACE,
        )


def alert(name: str) -> dict[str, object]:
    """An Alertmanager webhook: nothing of this deployment answers."""
    labels = {"alertname": "TargetDown", "namespace": NAMESPACE, "deployment": name, "severity": "critical"}
    one = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": f"all of {name} is down"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{abs(hash(name)):016x}"[:16],
    }
    return {
        "version": "4",
        "groupKey": name,
        "status": "firing",
        "receiver": "suture",
        "groupLabels": {},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://localhost:9093",
        "truncatedAlerts": 0,
        "alerts": [one],
    }


@asynccontextmanager
async def poster(gateway: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gateway, timeout=60) as client:
        yield client


def first_mutations(audit: Path) -> dict[str, float]:
    """When the API server received the engine's first change of each deployment (seconds since 1970)."""
    from datetime import datetime

    found: dict[str, float] = {}
    for line in audit.read_text().splitlines():
        event = json.loads(line)
        ref = event.get("objectRef") or {}
        if (
            event["user"]["username"] != "engine"
            or "dryRun" in event["requestURI"]
            or ref.get("resource") != "deployments"
        ):
            continue
        at = datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp()
        found.setdefault(ref["name"], at)
    return found


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Poll a condition of the outside world."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - it is another process's state
            await asyncio.sleep(0.2)
