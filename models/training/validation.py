"""How candidates are judged: grouped folds, macro-F1, top-3, calibration error; and what is set from out-of-fold scores.

A group (a message family, or all families of one program) is never on both sides of a split.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from models.classifier import softmax
from models.taxonomy import LABELS
from models.training.design import Floats, Integers

FOLDS: Final = 3
BINS: Final = 10
WANTED_ACCURACY: Final = 0.95  # of what is not abstained from


def folds(groups: npt.NDArray[Any], count: int = FOLDS, seed: int = 0) -> Integers:
    """The fold of each example; shape (n,)."""
    distinct, inverse = np.unique(groups, return_inverse=True)
    of_group = np.random.default_rng(seed).permutation(len(distinct)) % count
    return np.asarray(of_group[inverse], dtype=np.int64)


def macro_f1(labels: Integers, predicted: Integers) -> float:
    """The mean over the types that occur in `labels` of 2 TP / (2 TP + FP + FN)."""
    scores = []
    for kind in np.unique(labels):
        hit = np.sum((labels == kind) & (predicted == kind))
        wrong = np.sum((labels == kind) != (predicted == kind))
        scores.append(2 * hit / (2 * hit + wrong))
    return float(np.mean(scores))


def calibration_error(chances: Floats, labels: Integers, bins: int = BINS) -> float:
    """Expected calibration error of the top label over equal-width bins (Naeini et al. 2015)."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        np.abs(confidence[place == b].mean() - right[place == b].mean()) * np.sum(place == b)
        for b in np.unique(place)
    ]
    return float(np.sum(gaps) / len(labels))


def sharpness(scores: Floats, labels: Integers) -> float:
    """The factor on the scores that makes softmax most likely (temperature scaling, Guo et al. 2017)."""

    def surprise(log_factor: float) -> float:
        chances = softmax(np.exp(log_factor) * scores)
        return float(-np.log(chances[np.arange(len(labels)), labels] + 1e-12).mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-4.0, 4.0), method="bounded").x))


def calibrated(scores: Floats, labels: Integers, groups: npt.NDArray[Any]) -> Floats:
    """Probabilities whose sharpness was set on the other half of the groups, so that their error is honest."""
    half = folds(groups, 2, seed=1)
    chances = np.zeros_like(scores)
    for side in (0, 1):
        factor = sharpness(scores[half != side], labels[half != side])
        chances[half == side] = softmax(factor * scores[half == side])
    return chances


def threshold(chances: Floats, labels: Integers, wanted: float = WANTED_ACCURACY) -> tuple[float, float]:
    """The lowest confidence from which on at least `wanted` of the labels are right, and the share that reaches it."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    order = np.argsort(-confidence)
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(accuracy >= wanted)
    if not len(enough):
        return 1.0, 0.0
    return float(confidence[order][enough[-1]]), float((enough[-1] + 1) / len(order))


def judge(chances: Floats, labels: Integers, hard: npt.NDArray[np.bool_]) -> dict[str, float]:
    """All figures of one run, rounded to four digits."""
    best = chances.argmax(axis=1)
    three = np.argsort(-chances, axis=1, kind="stable")[:, :3]
    figures = {
        "macro_f1": macro_f1(labels, best),
        "hard_macro_f1": macro_f1(labels[hard], best[hard]),
        "accuracy": float(np.mean(best == labels)),
        "top3": float(np.mean((three == labels[:, None]).any(axis=1))),
        "ece": calibration_error(chances, labels),
    }
    return {k: round(v, 4) for k, v in figures.items()}


def per_type(chances: Floats, labels: Integers) -> dict[str, float]:
    """Recall of each type."""
    best = chances.argmax(axis=1)
    return {name: round(float(np.mean(best[labels == i] == i)), 4) for i, name in enumerate(LABELS)}
