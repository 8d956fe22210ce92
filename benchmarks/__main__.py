"""`python -m benchmarks [latency] [throughput]`: run the chosen benchmarks, or all, and print one table."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from benchmarks import cluster, latency, throughput
from benchmarks.figures import Figure, show
from worker.connect import connect

RESULTS = Path("build/bench.json")


async def run(wanted: set[str]) -> list[Figure]:
    figures: list[Figure] = []
    with cluster.engine(stable_for=0, cooldown=0) as engine:
        client = await connect(address=engine.temporal)
        if "latency" in wanted:
            figures += await latency.measure(engine, client)
        if "throughput" in wanted:
            figures += await throughput.on_cluster(engine, client)
            figures += await throughput.in_memory(client)
    return figures


def main() -> None:
    wanted = set(sys.argv[1:]) or {"latency", "throughput"}
    show(asyncio.run(run(wanted)), RESULTS)


if __name__ == "__main__":
    main()
