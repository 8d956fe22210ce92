"""VUS-PR: the published definition, written out plainly, gives the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly.evaluation import segments, vus_pr


def plainly(score: np.ndarray, label: np.ndarray, window: int, levels: int) -> float:
    """The definition, one loop a word: average over buffers of the area under existence-weighted precision and recall."""
    ordered, areas = sorted(score, reverse=True), []
    for buffer in range(window + 1):
        weight = label.astype(float)
        for first, last in segments(label):
            for row in range(max(first - buffer // 2, 0), min(last + buffer // 2 + 1, len(label))):
                away = max(first - row, row - last)
                if away > 0:
                    weight[row] = min(1.0, weight[row] + np.sqrt(1 - away / buffer))
        near = np.zeros(len(label), dtype=int)
        for first, last in segments(label):
            near[max(first - buffer // 2, 0) : last + buffer // 2 + 1] = 1
        places = touching(label, buffer // 2)
        area, before = 0.0, 0.0
        for position in np.linspace(0, len(score) - 1, levels).astype(int):
            said = score >= ordered[position]
            hits = float(weight[said].sum())
            positives = (label.sum() + label.sum() + weight[said & (label == 0)].sum()) / 2
            found = sum(said[a : b + 1].any() for a, b in places) / len(places)
            recall = min(hits / positives, 1.0) * found
            area += (recall - before) * hits / said.sum()
            before = recall
        areas.append(area)
    return float(np.mean(areas))


def touching(label: np.ndarray, half: int) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for first, last in segments(label):
        if places and places[-1][1] >= first - half:
            places[-1] = (places[-1][0], last + half)
        else:
            places.append((max(first - half, 0), last + half))
    return places


@given(st.integers(0, 10_000), st.integers(0, 12), st.booleans())
@settings(max_examples=25, deadline=None)
def test_equals_the_definition(seed: int, window: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    label = (rng.random(60) < 0.1).astype(int)
    label[int(rng.integers(0, 55))] = 1
    score = rng.normal(size=60) + label
    score = np.round(score, 1) if ties else score
    assert vus_pr(score, label, window, thresholds=25) == pytest.approx(plainly(score, label, window, 25))


def test_perfect_late_and_random_scores() -> None:
    label = np.zeros(2000, dtype=int)
    label[500:540] = label[1200:1230] = 1
    rng = np.random.default_rng(0)
    late = np.roll(label, 10)
    assert vus_pr(label + rng.random(2000) / 10, label, 0) > 0.95
    assert vus_pr(rng.random(2000), label, 0) < 0.1
    assert vus_pr(late + rng.random(2000) / 10, label, 40) > vus_pr(late + rng.random(2000) / 10, label, 0)


def test_undefined_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="defined only"):
        vus_pr(np.ones(5), np.zeros(5), 2)
    with pytest.raises(ValueError, match="one finite score a row"):
        vus_pr(np.array([1.0, np.nan]), np.array([0, 1]), 2)
