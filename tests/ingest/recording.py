"""Ways to report that a test can hold up, break and look into."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from suture.ingest.targets import fallback_target


class RecordingIncidents:
    """Remembers what reached the server.

    `gate` holds calls up; `fails` says which error a call ends with; `running` is what resolved() answers.
    """

    def __init__(self) -> None:
        self.reported: list[tuple[Target, ReportBatch]] = []
        self.over: list[tuple[Target, ReportBatch]] = []
        self.running = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Callable[[ReportBatch], Exception | None] = lambda _: None

    async def report(self, target: Target, batch: ReportBatch) -> str:
        await self._pass(batch)
        self.reported.append((target, batch))
        return target.workflow_id

    async def resolved(self, target: Target, batch: ReportBatch) -> bool:
        await self._pass(batch)
        self.over.append((target, batch))
        return self.running

    async def _pass(self, batch: ReportBatch) -> None:
        await self.gate.wait()
        if error := self.fails(batch):
            raise error

    @property
    def reports(self) -> list[Report]:
        """All reports in the order in which the server took them."""
        return [report for _, batch in self.reported for report in batch.reports]

    @property
    def counts(self) -> Counter[str]:
        """How often each alert was reported."""
        counts: Counter[str] = Counter()
        for report in self.reports:
            counts[report.fingerprint] += report.count
        return counts


async def by_labels(labels: Mapping[str, str]) -> Target:
    """A resolver without a cluster."""
    return fallback_target(labels, "default")
