"""The rules of what follows an incident: who deserves it, when a word is due, and what people may do."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.post_incident import load_post_incident
from suture.domain.errors import Invalid
from suture.domain.post_incident import (
    Close,
    Done,
    Duty,
    ItemChange,
    PostIncidentRecord,
    PostIncidentRules,
    PostIncidentStart,
)
from suture.domain.stages import Outcome, Severity
from tests.memory.samples import START, after, ended

RULES = PostIncidentRules(due={Duty.REPORT: 100, Duty.RCA: 200}, remind_before=10, remind_every=50)


def opened(rules: PostIncidentRules = RULES, now: datetime = START) -> PostIncidentRecord:
    record = ended("i1", Outcome.ESCALATED)
    start = PostIncidentStart(
        incident_id="i1",
        incident_workflow_id="w",
        target=record.target,
        severity=Severity.HIGH,
        outcome=Outcome.ESCALATED,
        summary="s",
        why="w",
        ended_at=START,
        rules=rules,
    )
    return PostIncidentRecord.opened(start, "post-incident/i1", now)


def test_the_shipped_rules_are_the_documented_ones() -> None:
    assert load_post_incident() == PostIncidentRules()
    assert PostIncidentRules().due[Duty.REPORT] == 24 * 3600
    assert PostIncidentRules().due[Duty.RCA] == 48 * 3600


@pytest.mark.parametrize(
    ("severity", "outcome", "deserves"),
    [
        (Severity.CRITICAL, Outcome.HEALED, True),
        (Severity.HIGH, Outcome.SELF_RESOLVED, True),
        (Severity.MEDIUM, Outcome.HEALED, False),
        (Severity.LOW, Outcome.ESCALATED, True),
        (Severity.LOW, Outcome.FAILED, True),
        (Severity.LOW, Outcome.SELF_RESOLVED, False),
    ],
)
def test_who_deserves_it(severity: Severity, outcome: Outcome, deserves: bool) -> None:
    record = ended("i1", outcome)
    record.severity = severity
    assert bool(PostIncidentRules().why(record)) is deserves


def test_a_long_one_deserves_it_when_the_rules_say_so() -> None:
    record = ended("i1", Outcome.HEALED)
    record.severity = Severity.LOW
    assert not PostIncidentRules(longer_than=60).why(record)  # it lasted exactly a minute
    assert PostIncidentRules(longer_than=59).why(record)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("severities: [loud]", "severities.0"),
        ("due: {report: -1}", "due.report must be more than 0"),
        ("due: {lunch: 5}", "due.lunch"),
        ("who: me", "who"),
        ("[", "is not YAML"),
    ],
)
def test_wrong_rules_say_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(Invalid) as refused:
        load_post_incident(file)
    assert says in str(refused.value)
    assert str(file) in str(refused.value)


def test_words_come_before_when_due_and_one_level_higher_each_time() -> None:
    record, said = opened(), []
    for _ in range(6):
        reminder = record.next_reminder(RULES)
        assert reminder is not None
        said.append((reminder.duty, reminder.number, reminder.level, (reminder.at - START).total_seconds()))
        record.duties[reminder.duty].reminders += 1
    assert said == [
        (Duty.REPORT, 0, "L1", 90),
        (Duty.REPORT, 1, "L2", 100),
        (Duty.REPORT, 2, "L3", 150),
        (Duty.RCA, 0, "L1", 190),
        (Duty.REPORT, 3, "L4", 200),
        (Duty.RCA, 1, "L2", 200),
    ]


def test_too_late_for_a_word_before() -> None:
    reminder = opened(now=after(95)).next_reminder(RULES)
    assert reminder is not None
    assert (reminder.number, reminder.overdue) == (1, True)


@given(st.floats(min_value=90, max_value=100_000))
def test_a_long_absence_ends_in_one_word(seconds: float) -> None:
    record = opened()
    due = record.next_reminder(RULES)
    assert due is not None
    now = START + timedelta(seconds=seconds)
    latest = record.latest_reminder(RULES, due, now)
    assert latest.at <= now
    record.duties[latest.duty].reminders = latest.number + 1
    again = record.model_copy(update={"duties": {latest.duty: record.duties[latest.duty]}}).next_reminder(
        RULES
    )
    assert again is not None
    assert again.at > now


def test_action_items_are_done_once_each_is_settled() -> None:
    rules = RULES.model_copy(update={"due": {Duty.ACTION_ITEMS: 100}})
    record = opened(rules)
    record.propose([("a", "x"), ("b", "y"), ("a", "again")])
    assert [i.text for i in record.items] == ["a", "b"]
    assert record.owed == [Duty.ACTION_ITEMS]
    record.change_item(ItemChange(by="ann", id=1, owner="bob", due=after(1000)), after(1))
    assert record.owed == [Duty.ACTION_ITEMS]
    record.change_item(ItemChange(by="ann", id=2, dropped=True, reason="not worth it"), after(2))
    assert record.owed == []
    record.change_item(ItemChange(by="ann", text="one more"), after(3))
    assert record.owed == [Duty.ACTION_ITEMS]
    record.change_item(ItemChange(by="ann", id=3, done=True), after(4))
    assert record.owed == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (ItemChange(by="a"), "say what is to be done"),
        (ItemChange(by="a", id=7, owner="b"), "there is no action item 7"),
        (ItemChange(by="a", id=1), "nothing would change"),
        (ItemChange(by="a", id=1, dropped=True), "say why"),
    ],
)
def test_senseless_changes_of_items_are_refused(change: ItemChange, says: str) -> None:
    record = opened()
    record.propose([("a", "x")])
    assert says in record.refuses_item(change)


def test_what_may_be_done_and_closed() -> None:
    record = opened()
    assert "root cause" in record.refuses_done(Duty.RCA, Done(by="ann"))
    assert "not asked for" in record.refuses_done(Duty.REVIEW, Done(by="ann"))
    assert "report, rca is still owed" in record.refuses_close(Close(by="ann"))
    assert "needs a reason" in record.refuses_close(Close(by="ann", waive=True))
    assert record.refuses_close(Close(by="ann", waive=True, reason="a drill")) == ""
    record.done(Duty.REPORT, Done(by="ann"), after(1))
    record.done(Duty.RCA, Done(by="ann", note="a typo"), after(2))
    assert "done by ann" in record.refuses_done(Duty.REPORT, Done(by="bob"))
    assert record.refuses_close(Close(by="ann")) == ""
