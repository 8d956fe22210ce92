"""Whatever a record holds, it comes back the same."""

from __future__ import annotations

from datetime import UTC

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.domain.action import Receipt, Scale
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.incident import Attempt, IncidentRecord, TimelineEntry, Timings
from suture.domain.plan import Plan
from suture.domain.report import Report
from suture.domain.stages import Outcome, Severity, Stage
from suture.domain.target import ObjectRef, Target
from suture.memory import queries
from suture.memory.store import SqlMemory

# Letters of many scripts, control characters and quotes, but nothing that could look like a secret.
texts = st.text(st.characters(codec="utf-8", exclude_characters="=:/ \t\n\r"), max_size=40)
names = st.from_regex(r"[a-z]([-a-z0-9.]{0,20}[a-z0-9])?", fullmatch=True).filter(lambda n: "secret" not in n)
times = st.datetimes(timezones=st.just(UTC))
refs = st.builds(ObjectRef, kind=st.sampled_from(["Deployment", "Node"]), namespace=names, name=names)
actions = st.builds(Scale, object=refs, replicas=st.integers(0, 9))
plans = st.builds(Plan, actions=st.lists(actions, min_size=1, max_size=3))
receipts = st.builds(
    Receipt,
    key=st.text("abc/:-token", min_size=1, max_size=30),
    action=actions,
    prepared_at=times,
    done_at=st.none() | times,
    undo=st.lists(actions, max_size=2),
    note=texts,
)
hypotheses = st.builds(
    Hypothesis, id=names, failure_type=st.sampled_from(FailureType), origin=names, cause=texts,
    confidence=st.floats(0, 1), why=st.lists(texts, max_size=2), plan=st.none() | plans,
)  # fmt: skip
attempts = st.builds(
    Attempt, hypothesis=hypotheses, receipts=st.lists(receipts, max_size=2), result=texts, started_at=times,
    routing=st.none(), verdict=st.none(), decision=st.none(), undone=st.just([]), ended_at=st.none() | times,
)  # fmt: skip
targets = st.builds(
    Target, system=names, cluster=names, namespace=names | st.just(""), kind=names, name=names
)
reports = st.builds(
    Report, source=texts, target=targets, reason=texts, summary=texts, starts_at=st.none() | times,
    labels=st.dictionaries(names.filter(lambda n: len(n) < 4), texts, max_size=2), received_at=st.none(),
)  # fmt: skip
notes = st.dictionaries(
    st.sampled_from(["ready", "wanted"]), st.integers(0, 9) | st.floats(-9, 9), max_size=2
)
entries = st.builds(TimelineEntry, at=times, stage=st.sampled_from(Stage), text=texts, data=notes)
records = st.builds(
    IncidentRecord,
    incident_id=st.text("abcdef0123456789-", min_size=1, max_size=40),
    workflow_id=names,
    target=targets,
    severity=st.sampled_from(Severity),
    reports=st.lists(reports, max_size=3),
    failure_type=st.sampled_from(FailureType),
    summary=texts,
    attempts=st.lists(attempts, max_size=2),
    approval=st.none(),
    outcome=st.sampled_from(Outcome),
    timings=st.builds(Timings, started_at=times, healed_at=st.none() | times, stage_seconds=st.just({})),
    timeline=st.lists(entries, max_size=3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=records)
async def test_a_record_comes_back_the_same(memory: SqlMemory, story: IncidentRecord) -> None:
    await memory.save_incident(story)
    await memory.save_incident(story)
    found = await queries.incident(memory, story.incident_id)
    assert found.record == story
    assert found.incident.detected_at == story.timings.started_at
    assert found.incident.outcome is story.outcome


numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=values)
async def test_evidence_comes_back_the_same(memory: SqlMemory, content: object) -> None:
    assert await memory.get_evidence(await memory.put_evidence("i", "any", content)) == content
