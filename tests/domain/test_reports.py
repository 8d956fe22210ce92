"""Reports: coalescing loses and doubles nothing; the record stays bounded; secrets go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.domain.incident import MAX_REPORTS_KEPT, MAX_TIMELINE, IncidentRecord, Timings
from suture.domain.redaction import HIDDEN, redact, redact_text
from suture.domain.report import MAX_COUNT, Report, ReportBatch, ReportStatus
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

TARGET = Target(namespace="shop", kind="Deployment", name="web")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
reports = st.builds(
    Report,
    source=st.just("t"),
    target=st.just(TARGET),
    status=st.sampled_from(ReportStatus),
    fingerprint=st.sampled_from(["a", "b", "c"]),
    count=st.integers(1, 5),
)


def record() -> IncidentRecord:
    return IncidentRecord(
        incident_id="i",
        workflow_id="w",
        target=TARGET,
        severity=Severity.LOW,
        timings=Timings(started_at=NOW),
    )


@given(st.lists(reports, min_size=1, max_size=30))
def test_coalescing_keeps_the_count_and_the_newest_word(many: list[Report]) -> None:
    batch = ReportBatch.coalesce(many)
    assert sum(r.count for r in batch.reports) == sum(r.count for r in many)
    assert len({r.key for r in batch.reports}) == len(batch.reports)
    one, other = record(), record()
    for r in many:
        one.take(r)
    for r in batch.reports:
        other.take(r)
    assert one.report_count == other.report_count
    assert one.resolved == other.resolved


def test_a_record_stays_bounded() -> None:
    r = record()
    for n in range(1000):
        r.take(Report(source="t", target=TARGET, fingerprint=str(n)))
        r.note(NOW, f"line {n}")
    assert r.report_count == 1000
    assert len(r.reports) == MAX_REPORTS_KEPT
    assert len(r.timeline) == MAX_TIMELINE


def test_resolved_means_all_of_them() -> None:
    r = record()
    r.take(Report(source="t", target=TARGET, fingerprint="a"))
    r.take(Report(source="t", target=TARGET, fingerprint="b", status=ReportStatus.RESOLVED))
    assert not r.resolved
    r.take(Report(source="t", target=TARGET, fingerprint="a", status=ReportStatus.RESOLVED))
    assert r.resolved


@given(st.from_regex(r"[A-Za-z0-9]{12,40}", fullmatch=True))
def test_no_secret_survives_redaction(secret: str) -> None:
    places = {
        "labels": {"api_token": secret},
        "env": [{"name": "DB_PASSWORD", "value": secret}],
        "text": f"connect postgres://u:{secret}@db failed; password={secret}; Authorization: Bearer {secret}",
    }
    assert secret not in str(redact(places))
    assert HIDDEN in redact_text(f"token: {secret}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=20,
    )
)
def test_redaction_takes_any_json(value: object) -> None:
    assert redact(redact(value)) == redact(value)


@given(
    st.sampled_from(["Pod", "Node"]),
    st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
)
def test_references_read_back(kind: str, namespace: str, name: str) -> None:
    for ref in (ObjectRef(kind=kind, name=name), ObjectRef(kind=kind, namespace=namespace, name=name)):
        assert ObjectRef.parse(str(ref)) == ref


def test_counts_stay_within_what_a_database_takes() -> None:
    """A count of 20 digits cannot be stored: memorize would be tried for ever."""
    with pytest.raises(ValueError, match="count"):
        Report(source="t", target=TARGET, count=10**19)
    most = Report(source="t", target=TARGET, count=MAX_COUNT)
    assert ReportBatch.coalesce([most, most]).reports[0].count == MAX_COUNT
