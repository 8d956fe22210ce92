"""When the engine is killed: at random, but the same again with the same seed, and only during repairs."""

from __future__ import annotations

import time
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest

from lab.scenario.judge import BREAKS, CLEARS, HEALS
from lab.scenario.trial import Trial
from lab.scoreboard import crashes
from lab.scoreboard.crashes import FIRST_SECONDS, GAP_SECONDS, KILLS, Crashes, moments


def _trial(name: str = "a") -> Trial:
    return cast(Trial, SimpleNamespace(ns=f"shop-{name}", scenario=SimpleNamespace(name=name)))


def test_the_same_seed_gives_the_same_moments() -> None:
    assert moments(1, "a") == moments(1, "a")
    assert len({tuple(moments(seed, name)) for seed in (1, 2) for name in "ab"}) == 4


def test_every_repair_is_hit_and_none_for_ever() -> None:
    for seed in range(200):
        found = moments(seed, "a")
        assert KILLS[0] <= len(found) <= KILLS[1]
        assert FIRST_SECONDS[0] <= found[0] <= FIRST_SECONDS[1]
        gaps = [b - a for a, b in pairwise(found)]
        assert all(GAP_SECONDS[0] <= gap <= GAP_SECONDS[1] for gap in gaps)


def test_kills_fall_into_the_repair_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "moments", lambda _seed, _name: [0.05, 0.1, 30.0])
    monkeypatch.setattr(crashes, "LEAST_UP", 0.0)
    monkeypatch.setattr(crashes, "LOOK", 0.01)
    killed: list[float] = []

    def kill() -> bool:
        killed.append(time.monotonic())
        return True

    monkey = Crashes(1, kill)
    monkey.tell(_trial(), BREAKS)
    time.sleep(0.2)
    assert not killed
    monkey.tell(_trial(), HEALS)
    time.sleep(0.4)
    monkey.tell(_trial(), CLEARS)
    assert len(killed) == 2
    assert monkey.kills == {"shop-a": 2}


def test_nothing_is_killed_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "moments", lambda _seed, _name: [0.2])
    killed: list[int] = []

    def kill() -> bool:
        killed.append(1)
        return True

    monkey = Crashes(1, kill)
    monkey.tell(_trial(), HEALS)
    monkey.stop()
    time.sleep(0.4)
    assert not killed


def test_trials_that_share_an_engine_leave_it_time_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashes, "moments", lambda _seed, _name: [0.05])
    monkeypatch.setattr(crashes, "LEAST_UP", 0.3)
    monkeypatch.setattr(crashes, "LOOK", 0.01)
    killed: list[float] = []

    def kill() -> bool:
        killed.append(time.monotonic())
        return True

    def ready() -> bool:
        return time.monotonic() - killed[-1] > 0.2  # it takes that long to start

    monkey = Crashes(1, kill, ready)
    for name in "ab":
        monkey.tell(_trial(name), HEALS)
    end = time.monotonic() + 5
    while len(killed) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    monkey.stop()
    assert killed[1] - killed[0] >= 0.5
