"""Windows of all metrics at once, projected onto the directions in which they ordinarily move; what is left is strange.

Principal components of flattened windows, as many as explain `variance`, learned without the strangest few of the training
windows: real training rows have trouble in them. The squared residual of each metric is divided by what is high for that metric
in training windows which the components were not learned from; the root of the ratio is the metric's share. So a noisy metric
needs more to be strange, and one wild metric does not drown the others. In batch a row is judged by all windows that contain it.
Source: Shyu et al., A Novel Anomaly Detection Scheme Based on Principal Component Classifier, 2003; residuals as in Lakhina et
al., Diagnosing Network-Wide Traffic Anomalies, SIGCOMM 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.anomaly.base import Array, Detector, Seen
from models.anomaly.components import Axes, Moments
from models.anomaly.windows import ahead, cover, windows

Rows = NDArray[np.intp]
CHUNK = 1024  # windows at a time
FOLDS = 3  # parts of the training windows, each judged by components of the others
MAX_WINDOWS = 6000  # that components are learned from; more change them little
REACH = 20.0  # deviations: a value further out no longer pulls the others' reconstruction with it, so that it alone is to blame
NOISE = 1e-3  # squared deviations: below, a residual is rounding


class WindowedPCA(Detector):
    """`steps` rows a window; `variance` the share explained; `trim` the share of training windows that are not trusted; `high`
    the quantile of training residuals that counts as 1.

    >>> rng = np.random.default_rng(0)
    >>> load = rng.normal(size=400).cumsum() / 10
    >>> rows = np.stack([load, 2 * load], axis=1) + rng.normal(scale=0.01, size=(400, 2))
    >>> rows[350:, 1] += 3  # the second metric leaves the first
    >>> found = WindowedPCA(steps=5).fit(rows[:300]).score(rows[300:]).total
    >>> bool(found[:45].max() < found[60:].min())
    True
    """

    name = "windowed-pca"

    def __init__(self, steps: int = 20, variance: float = 0.9, trim: float = 0.05, high: float = 0.9) -> None:
        super().__init__()
        self.steps, self.variance, self.trim, self.high = steps, variance, trim, high

    @property
    def memory(self) -> int:
        return self.steps

    def _learn(self, scaled: Array, seen: Seen) -> Array:
        first = self.steps - 1 if len(scaled) >= 2 * self.steps else 0  # the first window without empty rows
        stride = -(-(len(scaled) - first) // MAX_WINDOWS)
        chosen = np.arange(first, len(scaled), stride)
        start = self._residuals(scaled, seen, self._axes_of([self._moments(scaled, chosen)]), chosen)
        ordinary = np.sqrt(start / self._high(start)).mean(axis=1)
        trusted = chosen[ordinary <= np.quantile(ordinary, 1 - self.trim)]
        folds = np.array_split(np.arange(len(scaled)), FOLDS)
        moments = [self._moments(scaled, _inside(trusted, fold, self.steps)) for fold in folds]
        self._axes = self._axes_of(moments)
        unseen = np.concatenate(
            [
                self._residuals(
                    scaled, seen, self._axes_of(moments[:i] + moments[i + 1 :]), _within(chosen, fold)
                )
                for i, fold in enumerate(folds)
            ]
        )
        self._noise = self._high(unseen)
        return cover(np.sqrt(unseen / self._noise), max(min(self.steps // stride, len(unseen)), 1))

    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        shares: Array = np.sqrt(
            self._residuals(scaled, seen, self._axes, np.arange(since, len(scaled))) / self._noise
        )
        return shares

    def _around(self, scaled: Array, seen: Seen) -> Array:
        shares, full = self._causal(scaled, seen), min(self.steps, len(scaled))
        return cover(shares[full - 1 :], full)  # only windows that lie in the data

    def _high(self, residuals: Array) -> Array:
        high: Array = np.quantile(residuals, self.high, axis=0) + NOISE
        return high

    def _axes_of(self, moments: list[Moments]) -> Axes:
        return Moments.together(moments).axes(self.variance)

    def _moments(self, scaled: Array, ends: Rows) -> Moments:
        every = windows(ahead(scaled, self.steps), self.steps)
        parts = [every[ends[i : i + CHUNK]] for i in range(0, len(ends), CHUNK)]
        size = scaled.shape[1] * self.steps
        return Moments.together([Moments.none(size), *(Moments.of(p.reshape(len(p), -1)) for p in parts)])

    def _residuals(self, scaled: Array, seen: Seen, axes: Axes, ends: Rows) -> Array:
        """The mean squared residual of each metric in the windows that end with these rows."""
        every, mask = (
            windows(ahead(scaled, self.steps), self.steps),
            windows(ahead(seen, self.steps), self.steps),
        )
        found = np.empty((len(ends), scaled.shape[1]))
        for start in range(0, len(ends), CHUNK):
            part, there = every[ends[start : start + CHUNK]], mask[ends[start : start + CHUNK]]
            flat = np.where(there.reshape(len(part), -1), part.reshape(len(part), -1) - axes.mean, 0.0)
            reached = np.clip(flat, -REACH, REACH) @ axes.directions
            left = (flat - reached @ axes.directions.T).reshape(part.shape)
            found[start : start + CHUNK] = (left**2 * there).sum(axis=2) / np.maximum(there.sum(axis=2), 1)
        return found


def _inside(ends: Rows, fold: Rows, steps: int) -> Rows:
    """The windows that lie in a fold of rows, or at least end there when it is short."""
    within = _within(ends, fold)
    whole: Rows = within[within >= fold[0] + steps - 1]
    return whole if len(whole) else within


def _within(ends: Rows, fold: Rows) -> Rows:
    found: Rows = ends[(ends >= fold[0]) & (ends <= fold[-1])]
    return found
