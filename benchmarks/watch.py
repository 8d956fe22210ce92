"""The watch of 5,000 objects: how much memory its process takes, and how soon it has caught up after a restart."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.figures import Figure
from lab.cluster import LabCluster

NAMESPACE = "watched"
OBJECTS = 5000
CHANGED_MEANWHILE = 200
VALUE = "x" * 1000


async def measure() -> list[Figure]:
    """A cluster of its own with 5,000 ConfigMaps of 1 kB; the follower is stopped, 200 objects change, it starts again."""
    with tempfile.TemporaryDirectory(prefix="suture-bench-") as home:
        cluster = LabCluster(Path(home) / "cluster")
        await asyncio.to_thread(cluster.up)
        try:
            await asyncio.to_thread(_fill, cluster)
            await asyncio.to_thread(_follow, cluster, home)
            await asyncio.to_thread(_change, cluster)
            again = await asyncio.to_thread(_follow, cluster, home)
        finally:
            await asyncio.to_thread(cluster.down)
    return [
        Figure(
            "watch of 5,000 objects, memory of the process",
            again["rss_mb"],
            "MB",
            again["bare_mb"],
            "libraries loaded",
            "300 MB",
        ),
        Figure(
            "watch of 5,000 objects, caught up after a restart",
            again["seconds"],
            "s",
            again["bare_s"],
            "bare list",
            "10 s",
        ),
    ]


def _fill(cluster: LabCluster) -> None:
    kube = cluster.kube()
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})

    def make(n: int) -> None:
        meta = {"name": f"settings-{n}", "namespace": NAMESPACE}
        kube.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"settings": VALUE}},
            NAMESPACE,
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(OBJECTS)))


def _change(cluster: LabCluster) -> None:
    kube = cluster.kube()
    for n in range(CHANGED_MEANWHILE):
        kube.patch("ConfigMap", NAMESPACE, f"settings-{n}", {"data": {"settings": f"{VALUE}-{n}"}})


def _follow(cluster: LabCluster, home: str) -> dict[str, float]:
    environment = {**os.environ, "KUBECONFIG": str(cluster.engine_kubeconfig), "SUTURE_STATE_DIR": home}
    command = [sys.executable, "-m", "benchmarks.follower", NAMESPACE, str(OBJECTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures
