"""The addresses that take reports. An answer of 202 means that Temporal has every report of the post."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field

from suture.api.errors import documented
from suture.domain.errors import SutureError, Unavailable
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.target import Target
from suture.ingest import alertmanager, generic
from suture.ingest.alertmanager import Webhook
from suture.ingest.generic import IncidentIn
from suture.ingest.targets import Resolver
from suture.ports import Incidents
from suture.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
REFUSALS = documented(400, 401, 403, 408, 413, 415, 422, 503)


class IncidentOut(BaseModel):
    """An incident that the reports went to."""

    workflow_id: str
    target: str
    reports: int = Field(description="how many reports of this post it got")
    url: str = Field(default="", description="its page in Temporal's web interface, when that is known")


class Accepted(BaseModel):
    """What became of a post."""

    incidents: list[IncidentOut]
    without_incident: int = Field(
        default=0, description="resolved reports about what has no running incident"
    )


class Inbox:
    """Hands the reports of a post to their incidents, all targets at once."""

    def __init__(self, incidents: Incidents, metrics: Metrics, link: Callable[[str], str]) -> None:
        self._incidents = incidents
        self._metrics = metrics
        self._link = link

    async def take(self, found: list[tuple[Target, Report]]) -> Accepted:
        """Raises the first error once every target has been tried.

        Unavailable goes before others: then sending the post again helps.
        """
        by_target: dict[Target, list[Report]] = {}
        for target, report in found:
            by_target.setdefault(target, []).append(report)
        sent = await asyncio.gather(*(self._send(t, r) for t, r in by_target.items()), return_exceptions=True)
        errors = [e for e in sent if isinstance(e, BaseException)]
        if errors:
            raise min(errors, key=lambda e: not isinstance(e, Unavailable))
        told = [one for one in sent if isinstance(one, IncidentOut)]
        return Accepted(incidents=told, without_incident=len(found) - sum(one.reports for one in told))

    async def _send(self, target: Target, reports: list[Report]) -> IncidentOut | None:
        """None when the trouble is over and no incident runs."""
        batch = ReportBatch.coalesce(reports)
        try:
            told = await self._tell(target, batch)
        except SutureError as e:
            log.warning("reports were not taken", target=str(target), reports=len(reports), reason=str(e))
            raise
        self._metrics.record_reports(reports)
        if not told:
            return None
        workflow_id = target.workflow_id
        return IncidentOut(
            workflow_id=workflow_id, target=str(target), reports=len(reports), url=self._link(workflow_id)
        )

    async def _tell(self, target: Target, batch: ReportBatch) -> bool:
        if all(report.status is ReportStatus.RESOLVED for report in batch.reports):
            return await self._incidents.resolved(target, batch)
        await self._incidents.report(target, batch)
        return True


def routes(inbox: Inbox, resolver: Resolver, cluster: str) -> APIRouter:
    """The router of /v1."""
    router = APIRouter(prefix="/v1", tags=["reports"])

    @router.post("/alerts/alertmanager", status_code=202, responses=REFUSALS, summary="Alertmanager")
    async def alerts(webhook: Webhook) -> Accepted:
        """Takes the payload of `webhook_config`; firing and resolved alerts alike."""
        if webhook.truncatedAlerts:
            log.warning("Alertmanager left alerts out: raise max_alerts", left_out=webhook.truncatedAlerts)
        return await inbox.take(await alertmanager.read(webhook, resolver, datetime.now(UTC)))

    @router.post("/incidents", status_code=202, responses=REFUSALS, summary="Report trouble, or its end")
    async def incidents(posted: IncidentIn) -> Accepted:
        """Takes a report from anything that isn't Alertmanager: a script, a CI job, a person."""
        return await inbox.take([await generic.read(posted, resolver, cluster, datetime.now(UTC))])

    return router
