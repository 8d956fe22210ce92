"""How long `suture why` takes in a namespace of 500 pods, beside the bare lists of the same objects.

The command runs as a user types it, start of Python included, on a real control plane with a ledger that knows every
object, and about a deployment whose rollout is stuck.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.cluster import NAMESPACE
from benchmarks.figures import Figure, percentile
from lab.cluster import LabCluster
from lab.kube import Kube
from lab.settings import FAST
from suture.diagnosis.graph import build
from suture.domain.snapshot import Snapshot, ref_of
from suture.domain.target import ObjectRef

APPLICATIONS: Final = 50
PODS_EACH: Final = 10
ROUNDS: Final = 5
BROKEN: Final = "app-07"
Manifest = dict[str, Any]


async def measure() -> list[Figure]:
    """The command, the lists, and the graph alone."""
    with (
        tempfile.TemporaryDirectory(prefix="suture-bench-why-") as home,
        _cluster(Path(home) / "cluster") as cluster,
    ):
        await asyncio.to_thread(_furnish, cluster)
        snapshot = await _remember(cluster, Path(home))
        pods = len(snapshot.all("Pod", NAMESPACE))
        lists = [await _lists(cluster) for _ in range(ROUNDS)]
        asked = [await _why(cluster, Path(home)) for _ in range(ROUNDS)]
        built = [_build(snapshot) for _ in range(ROUNDS)]
    listed = percentile(lists, 0.5) * 1000
    answered = percentile(asked, 0.5) * 1000
    return [
        Figure(f"suture why, {pods} pods", answered, "ms", listed, "bare lists", goal="<= 2000 ms"),
        Figure(f"dependency graph, {pods} pods", percentile(built, 0.5) * 1000, "ms", goal="<= 500 ms"),
    ]


@contextmanager
def _cluster(home: Path) -> Iterator[LabCluster]:
    cluster = LabCluster(home)
    cluster.up(fresh=True, settings=FAST)
    try:
        yield cluster
    finally:
        cluster.down()


def _furnish(cluster: LabCluster, seconds: float = 180) -> None:
    """Every application with what applications have around them; then one release that cannot start."""
    kube = Kube(cluster.kubeconfig)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for number in range(APPLICATIONS):
        for manifest in _application(f"app-{number:02}", f"app-{(number + 1) % APPLICATIONS:02}"):
            kube.create(manifest, NAMESPACE)
    end = time.monotonic() + seconds
    while (ready := _ready(kube)) < APPLICATIONS * PODS_EACH:
        if time.monotonic() > end:
            raise RuntimeError(f"only {ready} pods are ready after {seconds:.0f} s")
        time.sleep(1)
    lost = {"name": "web", "envFrom": [{"configMapRef": {"name": "lost"}}]}
    kube.patch("Deployment", NAMESPACE, BROKEN, {"spec": {"template": {"spec": {"containers": [lost]}}}})
    time.sleep(5)  # new pods fail


def _ready(kube: Kube) -> int:
    return sum((d.get("status") or {}).get("readyReplicas", 0) for d in kube.list("Deployment", NAMESPACE))


def _application(name: str, calls: str) -> Iterator[Manifest]:
    labels = {"app": name}
    yield _object(
        "v1",
        "ConfigMap",
        name,
        data={"NEXT_URL": f"http://{calls}:80", **{f"SETTING_{i}": "x" for i in range(20)}},
    )
    yield _object("v1", "Secret", f"{name}-login", stringData={"user": name, "password": "not-a-secret"})
    yield _object("v1", "ServiceAccount", name)
    ports = [{"port": 80, "targetPort": "http"}]
    yield _object("v1", "Service", name, spec={"selector": labels, "ports": ports})
    selector = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"], "ingress": [{}]}
    yield _object("networking.k8s.io/v1", "NetworkPolicy", name, spec=selector)
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    yield _object("policy/v1", "PodDisruptionBudget", name, spec=budget)
    container = {
        "name": "web",
        "image": "registry.example.com/web:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": name}}, {"secretRef": {"name": f"{name}-login"}}],
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    spec = {"replicas": PODS_EACH, "selector": {"matchLabels": labels}, "template": template}
    yield _object("apps/v1", "Deployment", name, spec=spec)


def _object(version: str, kind: str, name: str, **fields: Any) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **fields}


async def _remember(cluster: LabCluster, home: Path) -> Snapshot:
    """A ledger as the watch would have written it."""
    from suture.memory.ledger import SqlLedger
    from suture.memory.store import SqlMemory
    from suture.ports import Change
    from suture.sealing import Sealer
    from suture.settings import Settings
    from suture.targets.kubernetes import Client, KubernetesCluster

    settings = Settings(state_dir=home, database="")
    sealer = Sealer(settings.sealing_key())
    async with await SqlMemory.connect(settings.database_url, sealer) as memory:
        ledger = SqlLedger(memory.database, settings.cluster, sealer)
        async with await Client.connect(str(cluster.engine_kubeconfig)) as client:
            snapshot = await KubernetesCluster(settings.cluster, client, sealer, ledger).snapshot(NAMESPACE)
        now = datetime.now(UTC)
        await ledger.record([Change(ref=ref_of(m), manifest=m, previous=None, at=now) for m in snapshot])
    return snapshot


async def _lists(cluster: LabCluster) -> float:
    """Seconds for the lists that the answer needs, eight at a time as the adapter asks for them."""
    from suture.domain.errors import TargetNotFound
    from suture.targets.kubernetes import Client
    from suture.targets.kubernetes.kinds import WATCHED, Kind

    gate = asyncio.Semaphore(8)
    async with await Client.connect(str(cluster.engine_kubeconfig)) as client:

        async def read(kind: Kind) -> None:
            async with gate:
                try:
                    await client.list(kind, NAMESPACE if kind.namespaced else "")
                except TargetNotFound:
                    return

        began = time.monotonic()
        await asyncio.gather(*map(read, WATCHED))
        return time.monotonic() - began


async def _why(cluster: LabCluster, home: Path) -> float:
    """Seconds of the command; it must have found the cause."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SUTURE_", "TEMPORAL_", "KUBE"))}
    environment = kept | {"KUBECONFIG": str(cluster.engine_kubeconfig), "SUTURE_STATE_DIR": str(home)}
    command = [sys.executable, "-m", "suture.cli", "why", f"deployment/{BROKEN}", "-n", NAMESPACE, "--json"]
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, complaint = await process.communicate()
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise RuntimeError(f"suture why failed: {complaint.decode()[-2000:]}")
    answer = json.loads(told)
    assert f"ConfigMap/{NAMESPACE}/lost" in {d["object"] for d in answer["dependencies"]}
    assert answer["hypotheses"], answer["summary"]
    return seconds


def _build(snapshot: Snapshot) -> float:
    anew = Snapshot(snapshot, snapshot.taken_at)  # a graph is kept for its snapshot
    began = time.perf_counter()
    build(anew, NAMESPACE).around(ObjectRef(kind="Deployment", namespace=NAMESPACE, name=BROKEN))
    return time.perf_counter() - began
