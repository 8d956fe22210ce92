"""Grouping by cause: hand a report on to the incident of the shared cause, and ask whether that is still being healed."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity

from suture.domain.report import Report, ReportBatch
from suture.domain.target import Target
from suture.ports import IncidentServer


class JoinRequest(BaseModel):
    """The cause, and the newest reports of the target that suffers from it."""

    cause: Target
    affected: Target
    reports: list[Report]


class Join:
    """Twenty alerts of one dead node are one repair: nineteen incidents wait for the one of the node."""

    def __init__(self, incidents: IncidentServer) -> None:
        self._incidents = incidents

    @activity.defn(name="join")
    async def join(self, request: JoinRequest) -> str:
        """Report to the cause's incident; returns its workflow id. Repeats are counted once there. Raises Unavailable."""
        passed_on = [_about(r, request) for r in request.reports if r.status == "firing"]
        return await self._incidents.report(
            request.cause, ReportBatch.coalesce(passed_on or [_about(request.reports[-1], request)])
        )

    @activity.defn(name="is_open")
    async def is_open(self, cause: Target) -> bool:
        """Whether the cause's incident is still being worked on. Raises Unavailable."""
        return await self._incidents.is_open(cause)


def _about(report: Report, request: JoinRequest) -> Report:
    """The same report with the cause as its target; one fingerprint for each affected target."""
    return report.model_copy(
        update={
            "target": request.cause,
            "fingerprint": f"joined-{request.affected.workflow_id}"[:256],
            "labels": {**report.labels, "affected": str(request.affected)},
            "count": 1,
        }
    )
