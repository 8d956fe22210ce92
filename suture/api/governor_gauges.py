"""What the metrics page says of the governor, read at the moment of a scrape."""

from __future__ import annotations

from suture.ports import Governor
from suture.telemetry.metrics import Metrics


class GovernorGauges:
    """Sets `suture_governor_turns`, `suture_governor_switch`, `suture_governor_budget_left`."""

    def __init__(self, governor: Governor, cluster: str) -> None:
        self._governor = governor
        self._cluster = cluster

    async def __call__(self, metrics: Metrics) -> None:
        """Raises Unavailable when the database does not answer; what it would have told is then not there."""
        try:
            found = await self._governor.overview(self._cluster)
        except BaseException:  # a scrape that is given up, too
            metrics.governor_turns.clear()
            metrics.governor_switch.clear()
            metrics.governor_budget_left.set(float("nan"))
            raise
        metrics.governor_turns.labels("held").set(len(found.held))
        metrics.governor_turns.labels("waiting").set(len(found.waiting))
        thrown = {s.kind.value for s in found.switches} | ({"freeze"} if found.standing.frozen else set())
        for kind in ("stop", "freeze", "maintenance", "storm"):
            metrics.governor_switch.labels(kind).set(kind in thrown)
        metrics.governor_budget_left.set(max(0, found.budget - found.budget_used))
