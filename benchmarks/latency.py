"""From the alert to the first change of the target, on an idle engine; the floor is measured in turn with it."""

from __future__ import annotations

import asyncio
import time

from temporalio.client import Client

from benchmarks import cluster, floor
from benchmarks.figures import Figure, percentile

SAMPLES = 30
PAUSE = 0.8  # seconds between two incidents: idle means nothing else runs


async def measure(engine: cluster.Engine, client: Client, samples: int = SAMPLES) -> list[Figure]:
    """One incident and one floor workflow in turn, `samples` times."""
    names = [f"idle-{n}" for n in range(samples + 2)]
    cluster.deploy(engine.kube, names)
    await asyncio.sleep(3)
    posted: dict[str, float] = {}
    floors: list[float] = []
    async with cluster.poster(engine.gateway) as http, floor.worker(client):
        for name in names:
            began = time.time()
            handle = await floor.start(client, f"floor-{name}")
            await handle.result()  # type: ignore[attr-defined]
            floors.append(floor.acted_at[f"floor-{name}"] - began)
            await asyncio.sleep(PAUSE)
            posted[name] = time.time()
            (await http.post("/v1/alerts/alertmanager", json=cluster.alert(name))).raise_for_status()
            await asyncio.sleep(PAUSE)
    await asyncio.sleep(2)
    mutations = cluster.first_mutations(engine.audit)
    times = [mutations[n] - posted[n] for n in names[2:] if n in mutations]  # the first two warm up
    if len(times) < samples:
        print(f"warning: only {len(times)} of {samples} incidents changed their target")
    return [_figure(p, share, times, floors[2:]) for p, share in (("p50", 0.5), ("p99", 0.99))]


def _figure(name: str, share: float, times: list[float], floors: list[float]) -> Figure:
    goal = "125 ms, 1.3 times" if name == "p50" else "1.3 times"
    floor_ms, ms = percentile(floors, share) * 1000, percentile(times, share) * 1000
    return Figure(
        f"alert to first mutation, idle, {name}", ms, "ms", floor_ms, "bare Temporal workflow", goal
    )
