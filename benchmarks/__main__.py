"""`python -m benchmarks [NAME...]`: run the chosen benchmarks, or all of them, and print one table."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from benchmarks import anomaly, approvals, classify, cluster, latency, logs, policy, throughput, watch, why
from benchmarks.figures import Figure, show
from worker.connect import connect

RESULTS = Path("build/bench.json")
ALL = ("latency", "throughput", "watch", "why", "approvals", "policy", "logs", "anomaly", "classify")
PLAIN = {
    "policy": policy.measure,
    "logs": logs.measure,
    "anomaly": anomaly.measure,
    "classify": classify.measure,
}


async def run(wanted: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    if "latency" in wanted or "throughput" in wanted:
        figures += await _engine(wanted)
    if "watch" in wanted:
        figures += await watch.measure()
    if "why" in wanted:
        figures += await why.measure()
    if "approvals" in wanted:
        figures += await approvals.measure()
    for measure in (m for name, m in PLAIN.items() if name in wanted):
        figures += measure()
    return figures


async def _engine(wanted: list[str]) -> list[Figure]:
    figures: list[Figure] = []
    with cluster.engine(stable_for=0, cooldown=0) as engine:
        client = await connect(address=engine.temporal)
        if "latency" in wanted:
            figures += await latency.measure(engine, client)
        if "throughput" in wanted:
            figures += await throughput.on_cluster(engine, client)
            figures += await throughput.in_memory(client)
    return figures


def main() -> int:
    wanted = sys.argv[1:] or list(ALL)
    unknown = [w for w in wanted if w not in ALL]
    if unknown:
        print(f"benchmarks: {', '.join(unknown)}: unknown; choose from {', '.join(ALL)}", file=sys.stderr)
        return 2
    show(asyncio.run(run(wanted)), RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
