"""A process that only follows a cluster and keeps the ledger, as the watch does; prints its time and memory as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from suture.domain.snapshot import ref_of
from suture.memory.ledger import SqlLedger
from suture.memory.store import SqlMemory
from suture.ports import Change
from suture.sealing import Sealer
from suture.settings import Settings
from suture.targets.kubernetes import Client, KubernetesCluster
from suture.targets.kubernetes.kinds import kind_of


def resident_mb() -> float:
    """Memory that this process holds now."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def main(namespace: str, objects: int) -> None:
    settings = Settings()
    sealer = Sealer(settings.sealing_key())
    client = await Client.connect()
    bare_mb, began = resident_mb(), time.monotonic()
    listed = await client.list(kind_of("ConfigMap"), namespace)
    bare_s = time.monotonic() - began
    assert len(listed) >= objects, f"only {len(listed)} objects"
    del listed
    began = time.monotonic()
    async with await SqlMemory.connect(settings.database_url, sealer) as memory:
        ledger = SqlLedger(memory.database, settings.cluster, sealer)
        cluster = KubernetesCluster(settings.cluster, client, sealer, ledger)
        feed = asyncio.ensure_future(cluster.run())
        await cluster.synced()
        now = datetime.now(UTC)
        everything = [
            Change(ref=ref_of(o), manifest=o, previous=None, at=now) for o in await cluster.snapshot("")
        ]
        await ledger.record(everything)
        seconds = time.monotonic() - began
        print(json.dumps({"seconds": seconds, "rss_mb": resident_mb(), "bare_mb": bare_mb, "bare_s": bare_s}))
        feed.cancel()
        await asyncio.gather(feed, return_exceptions=True)
        await cluster.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
