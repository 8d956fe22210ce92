"""The numbers of the scoreboard: what counts as an attempt, as healed, as harm."""

from __future__ import annotations

from typing import Any

import pytest

from lab.scenario.judge import Verdict
from lab.scoreboard.figures import Result, families, flawless, percentile, share, summary
from lab.scoreboard.healings import Healing, belonging
from tests.scoreboard.canned import at, healing, results, verdict


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([None], 95, None),
        ([7.0], 95, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([4.0, 1.0, None, 3.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([float(n) for n in range(1, 21)], 95, 19.0),
        ([1.0, 2.0], 0, 1.0),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_percentiles_are_values_that_occurred(values: list[Any], percent: float, expected: Any) -> None:
    assert percentile(values, percent) == expected


def test_shares_of_nothing_are_unknown() -> None:
    assert (share(2, 3), share(0, 4), share(0, 0)) == (66.7, 0.0, None)


def test_the_summary_of_a_run() -> None:
    n = summary(results())
    assert (n["faults"], n["healed"], n["healed_percent"]) == (5, 3, 60.0)
    assert (n["first_attempt_percent"], n["second_attempt_percent"]) == (20.0, 40.0)
    assert (n["controls"], n["controls_untouched"], n["false_actions"]) == (2, 1, 1)
    assert (n["faults_with_collateral"], n["collateral_changes"]) == (1, 2)
    assert (n["median_heal_s"], n["p95_heal_s"]) == (8.0, 30.0)
    assert (n["median_detect_s"], n["median_act_s"]) == (1.0, 1.5)
    assert n["attempts_per_incident"] == 2.0


def test_the_summary_of_nothing() -> None:
    n = summary([])
    assert (n["faults"], n["healed_percent"], n["p95_heal_s"], n["attempts_per_incident"]) == (
        0,
        None,
        None,
        None,
    )
    assert not flawless([])


def test_families_come_by_name_and_controls_last() -> None:
    rows = families(results())
    assert [(r.name, r.good, r.trials) for r in rows] == [
        ("image", 2, 2),
        ("probe", 1, 2),
        ("quota", 0, 1),
        ("control", 1, 2),
    ]
    assert (rows[0].attempts, rows[0].median_heal_s, rows[0].p95_heal_s) == (2, 4.0, 8.0)
    assert (rows[1].attempts, rows[2].median_heal_s, rows[2].collateral) == (3, None, 2)


def test_a_plan_of_several_actions_is_one_attempt_and_what_follows_the_verdict_is_none() -> None:
    several = healing("0/x", "0/x", "1/y")
    assert several.attempts() == 2
    assert several.attempts(until=at(20)) == 1
    late = Result(verdict(judged_at=at(10)), [healing("0/x", "1/y")])
    assert late.attempts == 1


def test_of_several_incidents_the_one_that_needed_most_counts() -> None:
    both = Result(verdict(), [healing("0/x"), healing("0/x", "1/y", detected=0.4)])
    assert (both.attempts, both.detect_s, both.act_s) == (2, 0.4, 1.5)


def test_what_was_changed_before_the_alert_was_changed_at_once() -> None:
    early = Result(verdict(alert_at=at(9)), [healing("0/x")])
    assert early.act_s == 0.0
    assert Result(verdict()).act_s is None


def test_an_incident_that_ended_after_the_verdict_was_under_way() -> None:
    ended = healing("0/x", outcome="healed", resolved_at=at(30))
    assert (ended.state(at(60)), ended.state(at(20)), healing().state()) == (
        "healed",
        "under way",
        "under way",
    )


@pytest.mark.parametrize(
    ("found", "inside"),
    [
        (healing(), True),
        (healing(namespace="shop-a-tools"), True),
        (healing(ns="shop-ab"), False),
        (
            healing(
                namespace="", name="shop-a-policy", target="ValidatingWebhookConfiguration/shop-a-policy"
            ),
            True,
        ),
        (healing(namespace="", name="node-1", target="Node/node-1"), True),
        (healing(namespace="", name="node-1", target="Node/node-1", detected=-5), False),
        (healing(namespace="", name="standard", target="StorageClass/standard"), False),
        (healing(detected=61), False),
    ],
)
def test_which_incidents_belong_to_a_trial(found: Healing, inside: bool) -> None:
    assert belonging(verdict(), [found]) == ([found] if inside else [])


def test_a_trial_that_never_began_has_no_incidents() -> None:
    assert belonging(Verdict("a", "image", control=False), [healing()]) == []


def test_flawless_is_all_healed_and_nothing_harmed() -> None:
    good = [r for r in results() if r.verdict.ok]
    assert flawless(good)
    assert not flawless(results())
