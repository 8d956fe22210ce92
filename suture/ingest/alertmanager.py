"""Alertmanager's webhook, version 4: one post holds a group of alerts, each of which becomes one report.

The payload is that of `webhook_config`
(https://prometheus.io/docs/alerting/latest/configuration/#webhook_config). Fields that a newer Alertmanager
adds are ignored. Long texts are cut, not refused: a refused post is a lost alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from suture.domain.redaction import redact_text
from suture.domain.report import LONG, MAX_LABELS, SHORT, Report, ReportStatus
from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.ingest.targets import Resolver

SOURCE = "alertmanager"
MAX_ALERTS = 1000
MAX_TEXT = 16_384  # characters of one label or annotation that are accepted
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Name = Annotated[str, StringConstraints(max_length=SHORT)]


def _number(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("this is a number")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, int | float):  # pydantic would take a number of seconds, or of milliseconds
        raise ValueError("a time is a text like 2026-01-01T03:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000), BeforeValidator(_number)]
Labels = Annotated[dict[Name, Text], Field(max_length=256)]
SUMMARIES = ("summary", "description", "message", "title")
ABOUT = (
    "alertname",
    "severity",
    "priority",
    "namespace",
    "cluster",
)  # these are kept when there are too many
WORKLOADS = ("deployment", "statefulset", "daemonset", "job_name", "pod", "service", "node")
FIRST_LABELS = (*ABOUT, *WORKLOADS)
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # Go's zero time means "not known"


class Alert(BaseModel):
    """One alert of the group."""

    model_config = ConfigDict(extra="ignore")

    status: ReportStatus = ReportStatus.FIRING
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)
    startsAt: Moment | None = None
    fingerprint: Name = ""


class Webhook(BaseModel):
    """A post of Alertmanager."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "version": "4",
                    "status": "firing",
                    "truncatedAlerts": 0,
                    "alerts": [
                        {
                            "status": "firing",
                            "labels": {
                                "alertname": "KubePodCrashLooping",
                                "namespace": "shop",
                                "pod": "web-5d4f",
                                "severity": "critical",
                            },
                            "annotations": {"summary": "web crashes again and again"},
                            "startsAt": "2026-01-01T03:00:00Z",
                            "fingerprint": "8f1c2d3e4a5b6c7d",
                        }
                    ],
                }
            ]
        },
    )

    version: Annotated[str, StringConstraints(max_length=8)] = "4"
    truncatedAlerts: Count = 0
    alerts: list[Alert] = Field(min_length=1, max_length=MAX_ALERTS)


async def read(webhook: Webhook, resolve: Resolver, received_at: datetime) -> list[tuple[Target, Report]]:
    """The reports of a post with their targets, in the order of the post; alerts with the same labels are
    resolved once.
    """
    targets: dict[tuple[tuple[str, str], ...], Target] = {}
    found = []
    for alert in webhook.alerts:
        key = tuple(sorted(alert.labels.items()))
        if key not in targets:
            targets[key] = await resolve(alert.labels)
        found.append((targets[key], to_report(alert, targets[key], received_at)))
    return found


def to_report(alert: Alert, target: Target, received_at: datetime) -> Report:
    """One alert as a redacted report."""
    said = next((alert.annotations[name] for name in SUMMARIES if alert.annotations.get(name)), "")
    reason = alert.labels.get("alertname") or "unknown"
    return Report(
        source=SOURCE,
        target=target,
        status=alert.status,
        severity=Severity.parse(alert.labels.get("severity") or alert.labels.get("priority")),
        reason=redact_text(reason)[:SHORT],
        summary=redact_text(said or reason)[:LONG],
        labels=cut_labels(alert.labels),
        fingerprint=alert.fingerprint or fingerprint_of(alert.labels),
        starts_at=starts_at(alert.startsAt, received_at),
        received_at=received_at,
    ).redacted()


def cut_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """As many labels as a report takes, those that say what it is about first.

    Cut after redaction: half a secret has no shape to be recognised by.
    """
    first = [name for name in FIRST_LABELS if name in labels]
    names = [*first, *(name for name in labels if name not in FIRST_LABELS)][:MAX_LABELS]
    return {name: redact_text(labels[name])[:LONG] for name in names}


def fingerprint_of(labels: Mapping[str, Any]) -> str:
    """Names a set of labels, whatever their order."""
    return hashlib.sha256(repr(sorted(labels.items())).encode("utf-8", "replace")).hexdigest()[:16]


def starts_at(said: datetime | None, received_at: datetime) -> datetime | None:
    """When the trouble began. A clock that runs ahead must not make an incident begin in the future."""
    if said is None or said < OLDEST:
        return None
    return min(said, received_at)
