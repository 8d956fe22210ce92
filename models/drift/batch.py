"""Two windows of rows compared: each feature by the usual measures, and all of them together by one that bears autocorrelation.

Rows of real metrics are no independent draws: load comes and goes, so the levels of two hours of one healthy machine differ by
every textbook threshold. What a machine keeps from hour to hour is how its metrics move from row to row and how they hang
together. So for ordered rows the alarm comes from three means: the PSI of steps (row to row, at most 1 a feature), and the
change of rank correlations of steps and of levels, each in units of what is high for adjacent windows of one machine. Levels
alone alarm only when most features have left their range. Rows without order (features of a classifier, predictions) are
independent, and there the median PSI decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.anomaly.base import Array, as_rows
from models.drift import measures
from suture.domain.errors import Invalid

MIN_ROWS = 50
UNITS: Final = {
    "steps": 0.13,
    "steps_together": 0.05,
    "levels_together": 0.1,
}  # high between adjacent windows of one machine
LIMIT: Final = 1.3  # mean of the three in these units; more is another machine, or another kind of work
SHORT: Final = 75.0  # rows: below some hundred the units grow with chance, by this over the number of rows
DISPLACED: Final = 5.5  # median PSI of levels; a feature that has left its range altogether has about 6.2
UNORDERED: Final = 0.2  # median PSI of independent rows
CAP = 1.0  # of one feature's PSI: one that goes mad is an anomaly, no drift


@dataclass(frozen=True)
class Feature:
    """One feature's measures."""

    name: str
    psi: float
    ks: float
    ks_p: float
    js: float
    step_psi: float


@dataclass(frozen=True)
class Drift:
    """`score` above 1 is drift; `reason` says which of the means made it, or that levels left their range."""

    drifted: bool
    score: float
    reason: str
    aggregates: dict[str, float]
    features: list[Feature]


def compare(
    reference: ArrayLike, current: ArrayLike, names: Sequence[str] = (), ordered: bool = True
) -> Drift:
    """Compare rows x features; missing values are left out. Raises Invalid for too few rows, or other features."""
    old, new = as_rows(reference, "the reference"), as_rows(current, "the current rows")
    if old.shape[1] != new.shape[1]:
        raise Invalid(
            f"the reference has {old.shape[1]} features, the current rows {new.shape[1]}: give the same"
        )
    if min(len(old), len(new)) < MIN_ROWS:
        raise Invalid(f"{min(len(old), len(new))} rows are too few to compare: give at least {MIN_ROWS}")
    if names and len(names) != old.shape[1]:
        raise Invalid(f"{len(names)} names for {old.shape[1]} features")
    features = [
        _feature(names[i] if names else str(i), old[:, i], new[:, i], ordered) for i in range(old.shape[1])
    ]
    levels = float(np.median([f.psi for f in features]))
    aggregates = {"levels": levels, "share_shifted": float(np.mean([f.psi > UNORDERED for f in features]))}
    if not ordered:
        return _drift(levels / UNORDERED, "levels", aggregates, features)
    aggregates |= _together(_filled(old), _filled(new), features)
    rows = min(len(old), len(new))
    ratios = {name: aggregates[name] / (unit * (1 + SHORT / rows)) for name, unit in UNITS.items()}
    score = float(np.mean(list(ratios.values()))) / LIMIT
    if levels / DISPLACED > score:
        return _drift(levels / DISPLACED, "levels", aggregates, features)
    return _drift(score, max(ratios, key=lambda name: ratios[name]), aggregates, features)


def _drift(score: float, reason: str, aggregates: dict[str, float], features: list[Feature]) -> Drift:
    return Drift(score > 1, score, reason if score > 1 else "", aggregates, features)


def _feature(name: str, old: Array, new: Array, ordered: bool) -> Feature:
    before, after = old[np.isfinite(old)], new[np.isfinite(new)]
    if not len(before) or not len(after):  # silent on one side only is a shift, silent on both is none
        shifted = float(len(before) != len(after))
        return Feature(name, shifted, shifted, 1.0 - shifted, shifted, shifted)
    ks, p = measures.kolmogorov_smirnov(before, after)
    steps = _steps(before, after) if ordered else 0.0
    return Feature(name, measures.psi(before, after), ks, p, measures.jensen_shannon(before, after), steps)


def _steps(before: Array, after: Array) -> float:
    if min(len(before), len(after)) < 2:
        return 0.0
    return measures.psi(np.diff(before), np.diff(after))


def _together(old: Array, new: Array, features: Sequence[Feature]) -> dict[str, float]:
    steps = [measures.rank_correlation(np.diff(rows, axis=0)) for rows in (old, new)]
    levels = [measures.rank_correlation(rows) for rows in (old, new)]
    return {
        "steps": float(np.mean([min(f.step_psi, CAP) for f in features])),
        "steps_together": float(np.abs(steps[0] - steps[1]).mean()),
        "levels_together": float(np.abs(levels[0] - levels[1]).mean()),
    }


def _filled(rows: Array) -> Array:
    """Missing values as their feature's median: they then neither move nor hang together with anything."""
    seen = np.isfinite(rows)
    known = np.where(seen.any(axis=0), seen, True)
    middle = np.nanmedian(np.where(known & ~seen.any(axis=0), 0.0, rows), axis=0)
    return np.where(seen, rows, middle)
