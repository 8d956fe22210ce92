"""The governor's numbers: what one turn needs of them, and files that cannot be read say why and where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from policies.calendar import Freeze
from policies.limits import SHIPPED, Limits
from suture.domain.errors import Invalid
from tests.governor.turns import limits, turn


def test_the_shipped_limits_let_a_busy_hour_of_tests_pass() -> None:
    """Forty incidents in ten minutes, four at once in namespaces of their own, each with a plan or two."""
    shipped = Limits.load()
    assert shipped.storm.incidents > 40
    assert shipped.concurrency.total > 4
    assert shipped.daily_budget >= 40 * 4
    assert all(r.at_most >= 40 * 2 for r in shipped.rates if r.per == "kind" and not r.only)


def test_a_turn_needs_a_slot_locks_and_its_share_of_each_rate() -> None:
    of = limits(
        rates=[
            {"per": "kind", "at_most": 3, "seconds": 60},
            {"per": "object", "only": ["Node"], "at_most": 1, "seconds": 60},
        ]
    )
    needs = of.needs(
        turn(
            "a",
            kinds=["scale", "scale", "cordon"],
            objects=["Deployment/shop/a", "Deployment/shop/b", "Node/n1"],
        )
    )
    assert needs == {
        "slots": 1,
        "slots:default/shop": 1,
        "lock:default/Deployment/shop/a": 1,
        "lock:default/Deployment/shop/b": 1,
        "lock:default/Node/n1": 1,
        "rate:kind:60:scale": 2,
        "rate:kind:60:cordon": 1,
        "rate:object:60:default/Node/n1": 1,
    }


def test_the_stricter_of_two_rates_counts() -> None:
    of = limits(
        rates=[
            {"per": "kind", "at_most": 9, "seconds": 60},
            {"per": "kind", "only": ["cordon"], "at_most": 2, "seconds": 60},
        ]
    )
    assert (of.capacity("rate:kind:60:scale"), of.capacity("rate:kind:60:cordon")) == (9, 2)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("total: 20 ", "total: 0 ", r"line 7: concurrency\.total"),
        ("freezes: []", "freezes: [{name: x, from: fri 16:00, until: fri 16:00}]", "until must differ"),
        (
            "freezes: []",
            "freezes: [{name: x, from: fri 16:00, until: 2026-01-01}]",
            "both be moments, or both weekly",
        ),
        ("freezes: []", "freezes: [{name: x, from: fri 25:00, until: sat 10:00}]", "from"),
        (
            "freezes: []",
            "freezes: [{name: x, from: fri 16:00, until: sat 10:00, time_zone: Mars}]",
            "no time zone",
        ),
        ("freezes: []", "surprise: 1", "line .*surprise"),
    ],
)
def test_a_wrong_file_names_the_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = SHIPPED.read_text()
    assert old in text
    file = tmp_path / "governor.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(Invalid, match=words):
        Limits.load(file)


def freeze(**of: object) -> Freeze:
    return Freeze.model_validate({"name": "x", **of})


@pytest.mark.parametrize(
    ("at", "frozen"),
    [
        ("2026-03-06T14:59:00Z", False),  # Friday 15:59 in Berlin
        ("2026-03-06T15:00:00Z", True),
        ("2026-03-08T12:00:00Z", True),  # Sunday
        ("2026-03-09T06:59:00Z", True),  # Monday 7:59
        ("2026-03-09T07:00:00Z", False),
        ("2026-07-03T13:59:00Z", False),  # in summer the same wall clock is an hour earlier
        ("2026-07-03T14:00:00Z", True),
    ],
)
def test_a_weekly_freeze_goes_by_the_wall_clock_of_its_time_zone(at: str, frozen: bool) -> None:
    weekend = freeze(**{"from": "fri 16:00", "until": "mon 08:00", "time_zone": "Europe/Berlin"})
    assert weekend.active(datetime.fromisoformat(at), "shop") is frozen


def test_a_freeze_between_two_moments_of_one_namespace() -> None:
    sale = freeze(
        **{
            "from": "2026-11-27T00:00",
            "until": "2026-11-28T00:00",
            "time_zone": "America/New_York",
            "namespaces": ["shop"],
        }
    )
    inside = datetime(2026, 11, 28, 4, 59, tzinfo=UTC)
    assert sale.active(inside, "shop")
    assert not sale.active(inside, "blog")
    assert not sale.active(datetime(2026, 11, 28, 5, 0, tzinfo=UTC), "shop")
