"""The ladder and the calendars: who is called when, for which severity, and where it goes on after an acknowledgement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies.escalation import SHIPPED, load_escalation
from suture.domain.duty import Calendar
from suture.domain.escalation import Escalation, Ladder, next_step
from suture.domain.stages import Severity

NIGHT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)  # a Sunday
MINUTE = 60.0
LADDER = Ladder.model_validate(
    {
        "levels": [
            {"name": "L1", "contacts": ["ann"]},
            {"name": "L2", "after": "15m", "contacts": ["bob"]},
            {"name": "L3", "after": "30m", "contacts": ["cy"]},
        ],
        "stops": {"low": "L1", "medium": "L2"},
    }
)


def at(minutes: float) -> datetime:
    return NIGHT + timedelta(minutes=minutes)


def ladder(**changes: Any) -> Ladder:
    return Ladder.model_validate(LADDER.model_dump() | changes)


def climb(
    rungs: Ladder,
    state: Escalation,
    until: float,
    severity: Severity = Severity.HIGH,
    reports: int = 1,
    start: float = 0,
) -> list[tuple[str, float]]:
    """Every call up to a minute, as the workflow takes them: level and minute."""
    calls, now = [], at(start)
    while (step := next_step(rungs, state, severity, reports, now)) is not None and step.at <= at(until):
        now = max(now, step.at)
        state.told.append(step.told)
        calls.append((step.level.name, (step.at - NIGHT).total_seconds() / MINUTE))
    return calls


def begun() -> Escalation:
    return Escalation(name="end", began=NIGHT)


def test_the_shipped_ladder_is_the_runbooks() -> None:
    shipped = load_escalation(SHIPPED).ladder
    assert [(x.name, x.who, x.after / MINUTE) for x in shipped.levels] == [
        ("L1", "on-call engineer", 0),
        ("L2", "engineering manager", 15),
        ("L3", "VP engineering", 30),
        ("L4", "CTO", 60),
    ]
    assert [len(shipped.within(s)) for s in Severity] == [1, 2, 4, 4]
    assert shipped.mute


def test_level_after_level_while_nobody_answers() -> None:
    assert climb(LADDER, begun(), 120) == [("L1", 0), ("L2", 15), ("L3", 30)]
    assert climb(LADDER, begun(), 20) == [("L1", 0), ("L2", 15)]


def test_a_low_severity_stops_early_and_goes_on_when_it_rises() -> None:
    state = begun()
    assert climb(LADDER, state, 120, Severity.LOW) == [("L1", 0)]
    assert climb(LADDER, state, 120, Severity.CRITICAL, start=20) == [("L2", 20), ("L3", 30)]


def test_a_question_may_begin_at_a_higher_level() -> None:
    state = Escalation(name="q1", began=NIGHT, first="L2")
    assert climb(LADDER, state, 120) == [("L2", 0), ("L3", 15)]
    assert climb(LADDER, Escalation(name="q1", began=NIGHT, first="L2"), 120, Severity.LOW) == [("L2", 0)]


def test_it_stands_still_while_acknowledged_and_goes_on_where_it_was() -> None:
    state = begun()
    assert climb(LADDER, state, 10) == [("L1", 0)]
    state.acknowledge("ann", at(10), 3600)
    assert climb(LADDER, state, 500) == []
    state.resume(at(40))
    assert climb(LADDER, state, 500, start=40) == [("L1", 40), ("L2", 45), ("L3", 60)]


def test_the_first_call_waits_for_its_delay_and_for_enough_reports() -> None:
    delayed = ladder(first_delay=5 * MINUTE)
    assert climb(delayed, begun(), 120) == [("L1", 5), ("L2", 15), ("L3", 30)]
    counted = ladder(min_reports=3)
    assert climb(counted, begun(), 120, reports=3) == [("L1", 0), ("L2", 15), ("L3", 30)]
    assert climb(counted, begun(), 120, reports=2) == [("L1", 15), ("L2", 15), ("L3", 30)]


def test_the_last_level_is_called_again_but_not_for_ever() -> None:
    again = ladder(resend=20 * MINUTE, resends=2)
    assert climb(again, begun(), 500) == [("L1", 0), ("L2", 15), ("L3", 30), ("L3", 50), ("L3", 70)]


def on_duty(**changes: Any) -> Ladder:
    office = {"zone": "Europe/Berlin", "windows": ["mon-fri 09:00-17:00"]}
    levels = [
        {"name": "L1", "contacts": ["ann"], "during": "office", **changes},
        {"name": "L2", "after": 900},
    ]
    return ladder(levels=levels, calendars={"office": office}, stops={})


def test_a_calendar_delays_a_level_or_chooses_others() -> None:
    monday = (datetime(2026, 3, 2, 8, 0, tzinfo=UTC) - NIGHT).total_seconds() / MINUTE  # 9:00 in Berlin
    assert climb(on_duty(), begun(), 5000) == [("L2", 15), ("L1", monday)]
    assert climb(on_duty(), begun(), 5000, Severity.CRITICAL) == [("L1", 0), ("L2", 15)]
    step = next_step(on_duty(otherwise=["night"]), begun(), Severity.HIGH, 1, NIGHT)
    assert step is not None and (step.at, step.contacts) == (NIGHT, ["night"])


@given(
    st.integers(0, 2 * 366 * 24 * 60).map(at),
    st.sampled_from(["mon-fri 09:00-17:00", "sat", "fri 22:00-06:00", "sun 00:00-24:00", "wed 02:30-02:45"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_a_calendar_opens_where_it_says(moment: datetime, window: str, zone: str) -> None:
    calendar = Calendar(zone=zone, windows=[window])
    opens = calendar.opens(moment)
    assert moment <= opens <= moment + timedelta(days=8)
    assert calendar.open(opens)
    assert calendar.open(moment) is (opens == moment)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"levels": []}, "at least 1 item"),
        ({"levels": [{"name": "L1"}, {"name": "L1"}]}, "same name"),
        ({"levels": [{"name": "L1", "after": "1h"}, {"name": "L2", "after": "5m"}]}, "order of their times"),
        ({"levels": [{"name": "L1", "after": "soon"}]}, "'soon' is no length of time"),
        ({"levels": [{"name": "L1", "during": "office"}]}, "nothing is named office"),
        ({"stops": {"low": "L9"}}, "nothing is named L9"),
        ({"calendars": {"x": {"windows": ["mo-fr 9-17"]}}}, "is no window: write"),
        ({"calendars": {"x": {"zone": "Berlin", "windows": ["mon"]}}}, "is no time zone"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ladder(**({"stops": {}} | changes))
