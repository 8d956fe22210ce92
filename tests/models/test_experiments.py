"""A/B tests: fair and repeatable allocation, intervals that cover, and a test that may be looked at after every outcome."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.experiments import Say, Tally, allocate, always_valid_p, compare, interval
from suture.domain.errors import Invalid
from suture.domain.learning import Experiment, Variant


def experiment(*shares: float, **more: object) -> Experiment:
    variants = [Variant(name=f"v{i}", traffic=s) for i, s in enumerate(shares)]
    return Experiment.model_validate({"id": "ranking", "variants": variants, **more})


@pytest.mark.parametrize("shares", [(50, 49), (60, 60), (0, 0)])
def test_traffic_must_add_up(shares: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="add up to 100 percent"):
        experiment(*shares)


def test_three_thirds_add_up_within_the_tolerance() -> None:
    assert len(experiment(33.33, 33.33, 33.34).variants) == 3


def test_two_variants_may_not_share_a_name() -> None:
    with pytest.raises(ValidationError, match="same name"):
        Experiment(id="a", variants=[Variant(name="x", traffic=50), Variant(name="x", traffic=50)])


@given(st.text(min_size=1))
def test_a_unit_always_gets_the_same_variant(unit: str) -> None:
    assert allocate(experiment(20, 80), unit) == allocate(experiment(20, 80), unit)


def test_shares_are_kept_and_a_variant_without_traffic_gets_none() -> None:
    found = [allocate(experiment(20, 0, 80), f"incident-{i}").name for i in range(20_000)]
    assert found.count("v0") / len(found) == pytest.approx(0.2, abs=0.015)
    assert "v1" not in found


def test_experiments_are_allocated_independently() -> None:
    one, two = experiment(50, 50), experiment(50, 50).model_copy(update={"id": "other"})
    same = sum(allocate(one, str(i)).name == allocate(two, str(i)).name for i in range(10_000))
    assert same / 10_000 == pytest.approx(0.5, abs=0.03)


def test_in_shadow_everybody_gets_the_control() -> None:
    assert {allocate(experiment(10, 90, shadow=True), str(i)).name for i in range(100)} == {"v0"}


def test_below_the_minimum_nothing_is_claimed() -> None:
    assert interval(Tally(attempts=29, successes=29)) == (0.0, 1.0)
    low, high = interval(Tally(attempts=30, successes=30))
    assert 0.8 < low < 1.0
    assert high == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97])
def test_the_interval_covers_the_true_rate_as_often_as_it_says(rate: float) -> None:
    chance = random.Random(7)
    covered = 0
    for _ in range(2000):
        low, high = interval(Tally(attempts=60, successes=sum(chance.random() < rate for _ in range(60))))
        covered += low <= rate <= high
    assert covered / 2000 > 0.93


def test_looking_after_every_outcome_raises_few_false_alarms() -> None:
    """With the textbook test this share is above 30 %."""
    chance, alarms = random.Random(3), 0
    for _ in range(300):
        wins = [0, 0]
        for n in range(1, 401):
            wins = [w + (chance.random() < 0.7) for w in wins]
            if n >= 30 and always_valid_p(*(Tally(attempts=n, successes=w) for w in wins)) < 0.05:
                alarms += 1
                break
    assert alarms / 300 <= 0.05


def test_a_real_difference_ends_the_experiment() -> None:
    ends = compare(
        experiment(50, 50),
        {"v0": Tally(attempts=200, successes=120), "v1": Tally(attempts=200, successes=180)},
    )
    assert ends[0].says is None
    assert ends[1].says is Say.BETTER
    worse = compare(
        experiment(50, 50),
        {"v0": Tally(attempts=200, successes=180), "v1": Tally(attempts=200, successes=120)},
    )
    assert worse[1].says is Say.WORSE


def test_too_few_outcomes_wait_and_no_difference_goes_on() -> None:
    few = {"v0": Tally(attempts=29, successes=0), "v1": Tally(attempts=500, successes=500)}
    assert compare(experiment(50, 50), few)[1].says is Say.WAIT
    alike = {"v0": Tally(attempts=100, successes=80), "v1": Tally(attempts=100, successes=82)}
    assert compare(experiment(50, 50), alike)[1].says is Say.CONTINUE


def test_outcomes_of_an_unknown_variant_are_refused() -> None:
    with pytest.raises(Invalid, match="no variant v9"):
        compare(experiment(50, 50), {"v9": Tally()})
