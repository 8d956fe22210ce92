"""Asks Prometheus by the rules, has the answers judged, and reports what is strange, soon full or soon over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from pydantic import BaseModel, Field
from temporalio import activity

from suture.domain.errors import SutureError
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.scan import SOURCE, Finding, Firing, ScanResult, ScanRule, ScanRules
from suture.domain.target import Target
from suture.ports import Incidents, MetricJudge, Metrics

REMIND = 1800.0  # seconds after which what still fires is reported again
BEAT = 5.0  # seconds between heartbeats while something is computed
log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")
Resolver = Callable[[Mapping[str, str]], Awaitable[Target]]


class ScanRequest(BaseModel):
    """What fired after the last scan."""

    firing: list[Firing] = Field(default_factory=list)


class Scan:
    """`rules` is asked at each scan, so that an edited file counts from the next one on."""

    def __init__(
        self,
        metrics: Metrics,
        judge: MetricJudge,
        incidents: Incidents,
        resolve: Resolver,
        rules: Callable[[], ScanRules],
    ) -> None:
        self._metrics = metrics
        self._judge = judge
        self._incidents = incidents
        self._resolve = resolve
        self._rules = rules

    @activity.defn(name="scan")
    async def scan(self, request: ScanRequest) -> ScanResult:
        """One look at everything. A rule that cannot be asked keeps what it said; what is over is told once. Raises Invalid for
        a file of rules that cannot be read."""
        rules, now = self._rules().rules, time.time()
        before = {f.report.fingerprint: f for f in request.firing}
        firing: list[Firing] = []
        failed: dict[str, str] = {}
        for rule in rules:
            try:
                since = min(
                    (s for f in request.firing if _rule(f) == rule.name and (s := _since(f))), default=None
                )
                firing += [await self._say(f, before, now) for f in await self._look(rule, now, since)]
            except SutureError as e:
                failed[rule.name] = str(e)
                firing += [f for f in request.firing if _rule(f) == rule.name]
                log.warning("a rule could not be asked", rule=rule.name, error=str(e))
        still = {f.report.fingerprint for f in firing}
        for gone in [f for name, f in before.items() if name not in still]:
            await self._over(gone.report)
        return ScanResult(firing=firing, failed=failed, rules=len(rules))

    async def _look(self, rule: ScanRule, now: float, since: float | None) -> list[Finding]:
        asked = self._metrics.query_range(rule.query, now - rule.lookback, now, rule.step)
        series = await _beating(asked)
        return await _beating(asyncio.to_thread(self._judge.judge, rule, series, now, since))

    async def _say(self, finding: Finding, before: Mapping[str, Firing], now: float) -> Firing:
        target = await self._resolve(finding.labels)
        report = _report(finding, target)
        known = before.get(report.fingerprint)
        if known and now - known.said_at < REMIND:
            return known
        if known:
            report = report.model_copy(update={"starts_at": known.report.starts_at})
        await self._incidents.report(target, ReportBatch(reports=[report]))
        return Firing(report=report, said_at=now)

    async def _over(self, report: Report) -> None:
        told = report.model_copy(update={"status": ReportStatus.RESOLVED, "received_at": datetime.now(UTC)})
        await self._incidents.resolved(told.target, ReportBatch(reports=[told]))


def _report(finding: Finding, target: Target) -> Report:
    now = datetime.now(UTC)
    return Report(
        source=SOURCE,
        target=target,
        severity=finding.severity,
        reason=finding.reason,
        summary=finding.summary[:4000],
        labels={**finding.labels, **finding.details, "rule": finding.rule},
        fingerprint=f"{SOURCE}-{finding.rule}-{target.workflow_id}"[:250],
        starts_at=now,
        received_at=now,
    ).redacted()


def _since(firing: Firing) -> float:
    return firing.report.starts_at.timestamp() if firing.report.starts_at else 0.0


def _rule(firing: Firing) -> str:
    return firing.report.labels.get("rule", "")


async def _beating(work: Awaitable[Answer]) -> Answer:
    """Heartbeat while something is awaited."""
    task = asyncio.ensure_future(work)
    while not (await asyncio.wait({task}, timeout=BEAT))[0]:
        activity.heartbeat()
    return task.result()
