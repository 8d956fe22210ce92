"""The judges: figures that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.classifier import softmax
from models.training import validation


def test_macro_f1_is_the_mean_over_types() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert validation.macro_f1(labels, predicted) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_calibration_error_of_a_boaster_is_its_boast() -> None:
    chances = np.tile([0.9, 0.1], (10, 1))
    labels = np.array([0] * 5 + [1] * 5)
    assert validation.calibration_error(chances, labels) == pytest.approx(0.4)


def test_sharpness_finds_the_temperature_that_was_put_in() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(20_000, 4))
    chances = softmax(2.5 * scores)
    labels = np.array([draw.choice(4, p=c) for c in chances])
    assert validation.sharpness(scores, labels) == pytest.approx(2.5, rel=0.1)
    fair = validation.calibrated(scores, labels, np.arange(len(labels)))
    assert validation.calibration_error(fair, labels) < 0.02


def test_the_threshold_keeps_what_is_right_often_enough() -> None:
    confidence = np.linspace(0.5, 1.0, 100)
    chances = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.where(confidence > 0.75, 0, 1)
    limit, coverage = validation.threshold(chances, labels, wanted=0.95)
    kept = confidence >= limit
    assert np.mean(labels[kept] == 0) >= 0.95
    assert coverage == pytest.approx(np.mean(kept))
    assert validation.threshold(chances, np.ones(100, dtype=int))[1] == 0.0


def test_top3_counts_the_three_best() -> None:
    chances = np.array([[0.4, 0.3, 0.2, 0.1]] * 4)
    figures = validation.judge(chances, np.array([0, 1, 2, 3]), np.array([True] * 4))
    assert figures["top3"] == 0.75
    assert figures["accuracy"] == 0.25
