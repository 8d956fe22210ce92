"""What the alerts about the engine itself are made of, read at the moment of a scrape."""

from __future__ import annotations

from suture.ports import IncidentServer
from suture.telemetry.metrics import Metrics

AGES = (0, 900, 1800, 3600)  # seconds: the times after which the levels L1 to L4 are called


class OwnHealth:
    """Sets `suture_temporal_up`, `suture_queue_workers`, `suture_incidents_waiting`, `suture_escalations_unacknowledged`."""

    def __init__(self, server: IncidentServer) -> None:
        self._server = server

    async def __call__(self, metrics: Metrics) -> None:
        """Raises Unavailable when Temporal does not answer; what it would have told is then not a number."""
        metrics.temporal_up.set(0)
        try:
            for queue, count in (await self._server.worker_counts()).items():
                metrics.queue_workers.labels(queue).set(count)
            for age in AGES:
                metrics.waiting.labels(str(age)).set(await self._server.waiting_count(age))
                called = await self._server.waiting_count(age, called=True)
                metrics.unacknowledged.labels(str(age)).set(called)
        except BaseException:  # a scrape that is given up, too
            self._forget(metrics)
            raise
        metrics.temporal_up.set(1)

    def _forget(self, metrics: Metrics) -> None:
        metrics.queue_workers.clear()
        metrics.waiting.clear()
        metrics.unacknowledged.clear()
