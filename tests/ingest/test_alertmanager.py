"""Alertmanager's payload as reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.ingest.alertmanager import Alert, Webhook, read, starts_at, to_report
from tests.ingest.recording import by_labels

NOW = datetime(2026, 1, 1, 4, tzinfo=UTC)
TARGET = Target(namespace="shop", kind="Deployment", name="web")


def report_of(**alert: Any) -> Any:
    return to_report(Alert.model_validate(alert), TARGET, NOW)


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        ({"severity": "critical"}, Severity.CRITICAL),
        ({"severity": "page", "priority": "P4"}, Severity.CRITICAL),
        ({"priority": "P4"}, Severity.LOW),
        ({"severity": "", "priority": "p2"}, Severity.HIGH),
        ({}, Severity.MEDIUM),
    ],
)
def test_severity_comes_from_the_labels(labels: dict[str, str], severity: Severity) -> None:
    assert report_of(labels=labels).severity is severity


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "s", "description": "d"}, "s"),
        ({"description": "d", "message": "m"}, "d"),
        ({"message": "m"}, "m"),
        ({"summary": "", "message": "m"}, "m"),
        ({"runbook_url": "u"}, "WebDown"),
    ],
)
def test_the_summary_is_the_first_annotation_for_people(annotations: dict[str, str], summary: str) -> None:
    assert report_of(labels={"alertname": "WebDown"}, annotations=annotations).summary == summary


def test_the_same_labels_are_the_same_alert_without_a_fingerprint() -> None:
    first = report_of(labels={"a": "1", "b": "2"})
    assert first.fingerprint == report_of(labels={"b": "2", "a": "1"}).fingerprint
    assert first.fingerprint != report_of(labels={"a": "1", "b": "3"}).fingerprint


def test_secrets_are_hidden_before_texts_are_cut() -> None:
    text = "x" * 4080 + " password=" + "h" * 100
    report = report_of(
        annotations={"summary": text}, labels={"db_password": "hunter2", "url": "redis://u:hunter2@r"}
    )
    assert "hhh" not in report.summary
    assert "hunter2" not in report.model_dump_json()


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), None),
        (None, None),
        (NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
        (NOW + timedelta(hours=1), NOW),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), None),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))), NOW),
    ],
)
def test_times_that_cannot_be_are_mended(said: datetime | None, means: datetime | None) -> None:
    assert starts_at(said, NOW) == means


async def test_unknown_fields_are_ignored_and_order_is_kept() -> None:
    alerts = [{"labels": {"alertname": f"A{n}"}, "new": {"x": [1]}} for n in range(5)]
    webhook = Webhook.model_validate({"alerts": alerts, "version": "4", "notYetInvented": 1})
    found = await read(webhook, by_labels, NOW)
    assert [report.reason for _, report in found] == [f"A{n}" for n in range(5)]


async def test_the_same_labels_are_resolved_once() -> None:
    asked = []

    async def resolve(labels: Any) -> Target:
        asked.append(labels)
        return TARGET

    webhook = Webhook.model_validate({"alerts": [{"labels": {"pod": "a"}}] * 50 + [{"labels": {"pod": "b"}}]})
    assert len(await read(webhook, resolve, NOW)) == 51
    assert len(asked) == 2
