"""Prometheus metrics: how many incidents, of what kind, how they ended, and how long each part of it took.

Counters count what this process did. An activity that is repeated after a crash may count once more: totals
over many incidents are right, an audit reads the database. Every label has a bounded set of values, whatever
a sender writes.
"""

from __future__ import annotations

import re

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import generate_latest

from suture.domain.incident import IncidentRecord
from suture.domain.report import Report

STAGE_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200, 86400)
STORY_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
HTTP_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OTHER = "other"


class BoundedLabel:
    """Lets the first `limit` values through and calls the rest "other": no sender can fill the memory."""

    def __init__(self, limit: int = 32) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        value = re.sub(r"[^A-Za-z0-9_.-]", "_", value[:64]) or OTHER
        if value not in self._seen:
            if len(self._seen) >= self._limit:
                return OTHER
            self._seen.add(value)
        return value


class Metrics:
    """All metrics of one process, in a registry of its own."""

    def __init__(self) -> None:
        r = self.registry = CollectorRegistry()
        ProcessCollector(registry=r)
        PlatformCollector(registry=r)
        GCCollector(registry=r)
        self._sources, self._kinds, self._results = BoundedLabel(), BoundedLabel(), BoundedLabel(16)
        self.reports = Counter(
            "suture_reports", "Reports that the server has taken", ("source", "status"), registry=r
        )
        self.incidents = Counter(
            "suture_incidents", "Ended incidents", ("source", "failure_type", "route", "outcome"), registry=r
        )
        self.incidents_open = Gauge("suture_incidents_open", "Incidents that run now", registry=r)
        self.waiting = Gauge(
            "suture_incidents_waiting",
            "Incidents that wait for a person and began so many seconds ago",
            ("longer_than_seconds",),
            registry=r,
        )
        self.unacknowledged = Gauge(
            "suture_escalations_unacknowledged",
            "Incidents that wait for somebody who was called and has not answered, and began so many seconds ago",
            ("longer_than_seconds",),
            registry=r,
        )
        self.temporal_up = Gauge("suture_temporal_up", "Whether Temporal answers (0 or 1)", registry=r)
        self.policies_broken = Gauge(
            "suture_policies_broken",
            "Whether a policy file cannot be read, so that older rules stay in force (0 or 1)",
            registry=r,
        )
        self.queue_workers = Gauge(
            "suture_queue_workers", "Workers that take work from a task queue", ("queue",), registry=r
        )
        self.stages = _histogram("suture_stage_seconds", "Time in a stage", STAGE_BUCKETS, r, "stage")
        self.to_detect = _histogram("suture_time_to_detect_seconds", "Until detected", STORY_BUCKETS, r)
        self.to_act = _histogram("suture_time_to_act_seconds", "Until the first change", STORY_BUCKETS, r)
        self.to_heal = _histogram("suture_time_to_heal_seconds", "Until healed", STORY_BUCKETS, r)
        self.actions = Counter("suture_actions", "Actions carried out", ("kind", "result"), registry=r)
        self.admissions = Counter(
            "suture_governor_admissions", "Answers of the governor", ("result",), registry=r
        )
        self.governor_turns = Gauge(
            "suture_governor_turns",
            "Incidents that hold their turn to act, or wait for it",
            ("state",),
            registry=r,
        )
        self.governor_switch = Gauge(
            "suture_governor_switch",
            "Whether a stop, freeze, maintenance or storm holds (0 or 1)",
            ("kind",),
            registry=r,
        )
        self.governor_budget_left = Gauge(
            "suture_governor_budget_left", "Automatic changes that the last 24 hours leave", registry=r
        )
        self.http = Counter(
            "suture_http_requests", "Requests answered", ("method", "route", "status"), registry=r
        )
        self.http_seconds = _histogram(
            "suture_http_request_seconds", "Time to answer", HTTP_BUCKETS, r, "route"
        )

    def record_reports(self, reports: list[Report]) -> None:
        """Count reports that reached the server."""
        for report in reports:
            self.reports.labels(self._sources(report.source), report.status.value).inc(report.count)

    def record_incident(self, record: IncidentRecord) -> None:
        """Count an ended incident and its times. Call it once for each, after it was saved."""
        source = record.reports[0].source if record.reports else OTHER
        route = record.route.value if record.route else "none"
        outcome = record.outcome.value if record.outcome else "none"
        self.incidents.labels(self._sources(source), record.failure_type.value, route, outcome).inc()
        for stage, spent in record.timings.stage_seconds.items():
            self.stages.labels(stage.value).observe(spent)
        for seconds, histogram in (
            (record.timings.seconds_to_detect, self.to_detect),
            (record.timings.seconds_to_act, self.to_act),
            (record.timings.seconds_to_heal, self.to_heal),
        ):
            if seconds is not None:
                histogram.observe(seconds)

    def record_action(self, kind: str, result: str) -> None:
        """Count an action by its kind and by how it went (success, failed ...)."""
        self.actions.labels(self._kinds(kind), self._results(result)).inc()

    def record_admission(self, result: str) -> None:
        """Count an answer of the governor (granted, wait, ask, stopped)."""
        self.admissions.labels(self._results(result)).inc()

    def record_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the route's template, never the path that was asked for."""
        self.http.labels(method, route, str(status)).inc()
        self.http_seconds.labels(route).observe(seconds)

    def page(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


def _histogram(
    name: str, text: str, buckets: tuple[float, ...], registry: CollectorRegistry, *labels: str
) -> Histogram:
    return Histogram(name, text, labels, buckets=buckets, registry=registry)


METRICS = Metrics()
record_incident = METRICS.record_incident
record_action = METRICS.record_action
