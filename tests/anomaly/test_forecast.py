"""Forecasts on series as they occur: steady growth, days, noise, rotated logs, steps, nothing at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.anomaly.forecast import expiry, saturation

HOUR, DAY = 3600.0, 86_400.0


def hours(days: float, step: float = 600.0) -> np.ndarray:
    return np.arange(0, days * DAY, step)


@pytest.mark.parametrize("seed", range(5))
def test_a_disk_that_fills_is_known_days_before(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = hours(2)
    used = 50 + 10 * at / DAY + rng.normal(size=len(at))
    found = saturation(at, used, 90.0)
    truth = (90 - 50) / 10 * DAY - at[-1]
    assert found.reaches
    assert found.earliest <= truth <= found.latest
    assert found.expected == pytest.approx(truth, rel=0.25)
    assert found.within(3 * DAY)
    assert not found.within(HOUR)


def test_free_memory_that_falls() -> None:
    at = hours(0.5)
    found = saturation(
        at, 8e9 - 1e5 * at + 1e8 * np.random.default_rng(0).normal(size=len(at)), 1e9, falling=True
    )
    assert found.within(DAY)
    assert found.slope > 0


@pytest.mark.parametrize("seed", range(5))
def test_a_daily_rhythm_is_no_trend(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = hours(4.3)
    used = 60 + 20 * np.sin(2 * np.pi * at / DAY + seed) + rng.normal(size=len(at))
    assert not saturation(at, used, 95.0).reaches


def test_a_trend_under_a_rhythm_is_found_and_its_peaks_count() -> None:
    at = hours(5)
    used = (
        40 + 3 * at / DAY + 15 * np.sin(2 * np.pi * at / DAY) + np.random.default_rng(1).normal(size=len(at))
    )
    found = saturation(at, used, 80.0)
    by_mean = (80 - 40) / 3 * DAY - at[-1]
    by_peak = (80 - 15 - 40) / 3 * DAY - at[-1]
    assert found.reaches
    assert abs(found.expected - by_peak) < abs(found.expected - by_mean)


@pytest.mark.parametrize("seed", range(20))
def test_noise_without_a_trend_is_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = hours(0.5)
    noise = rng.normal(size=len(at))
    slow = np.convolve(rng.normal(size=len(at) + 20), np.ones(20) / 20, mode="valid")[: len(at)]
    assert not saturation(at, 50 + 5 * noise, 90.0).within(30 * DAY)
    assert not saturation(at, 50 + 5 * slow, 90.0).within(DAY)


def test_rotated_logs_do_not_fill_a_disk() -> None:
    at = hours(3)
    used = 30 + 40 * ((at / (8 * HOUR)) % 1) + np.random.default_rng(0).normal(size=len(at)) / 2
    found = saturation(at, used, 95.0)
    assert not found.within(30 * DAY)


def test_rotated_logs_on_a_disk_that_fills_all_the_same() -> None:
    at = hours(3)
    used = 30 + 10 * at / DAY + 20 * ((at / (4 * HOUR)) % 1)
    found = saturation(at, used, 100.0)
    truth = (100 - 50) / 10 * DAY - at[-1]
    assert found.reaches
    assert found.expected == pytest.approx(truth, rel=0.25)
    assert "emptied" in found.why


def test_after_one_clean_up_the_growth_since_counts() -> None:
    at = hours(2)
    used = np.where(at < DAY, 40 + 50 * at / DAY, 20 + 50 * (at - DAY) / DAY)
    found = saturation(at, used, 95.0)
    assert found.expected == pytest.approx((95 - 20) / 50 * DAY - (at[-1] - DAY), rel=0.1)
    just = saturation(at[: len(at) // 2 + 4], used[: len(at) // 2 + 4], 95.0)
    assert not just.reaches


def test_a_step_is_no_trend() -> None:
    at = hours(1)
    used = np.where(at < DAY / 2, 40.0, 60.0) + np.random.default_rng(0).normal(size=len(at)) / 10
    assert not saturation(at, used, 90.0).within(10 * DAY)


def test_what_is_full_already_and_what_is_too_short() -> None:
    at = hours(1)
    full = saturation(at, np.full(len(at), 97.0), 95.0)
    assert full.reaches
    assert full.expected == 0
    assert not saturation(at[:5], at[:5], 10.0).reaches
    assert not saturation([], [], 10.0).reaches
    with_gaps = np.where(np.arange(len(at)) % 5 == 0, np.nan, 50 + 40 * at / DAY)
    assert saturation(at, with_gaps, 95.0).within(DAY)
    with pytest.raises(ValueError, match="one value a time"):
        saturation([1, 2], [1], 1)


def test_certificates() -> None:
    assert expiry([1_000_000.0, 900_000.0, math.nan], 800_000.0).expected == 100_000.0
    assert expiry([10.0], 20.0).expected == 0.0
    assert expiry([10.0], 20.0).reaches
    assert not expiry([], 0.0).reaches
