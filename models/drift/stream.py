"""Drift while rows arrive, with river's detectors, one a metric, and one verdict over all of them.

A single metric of a healthy machine changes its level all day. So each detector watches how much its metric moves from row to
row, in means over `block` rows that are nearly independent, and the stream has drifted only when `share` of the metrics changed
within the last `within` rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.anomaly.base import as_rows
from models.anomaly.scaling import Scaler
from suture.domain.errors import Invalid


def _adwin() -> Any:
    from river import drift

    adaptive: Any = drift.ADWIN  # which has no types
    return adaptive(delta=0.002, clock=1, grace_period=5)


def _page_hinkley() -> Any:
    from river import drift

    return drift.PageHinkley(min_instances=10, delta=0.1, threshold=10.0)


def _kswin() -> Any:
    from river import drift

    return drift.KSWIN(alpha=1e-4, window_size=60, stat_size=20, seed=0)


METHODS: Final[dict[str, Callable[[], Any]]] = {
    "adwin": _adwin,
    "page-hinkley": _page_hinkley,
    "kswin": _kswin,
}


class StreamDrift:
    """`train` rows say how much each metric ordinarily moves. Raises Invalid for an unknown method or too few rows."""

    def __init__(
        self, train: ArrayLike, method: str = "adwin", block: int = 20, share: float = 0.5, within: int = 600
    ) -> None:
        if method not in METHODS:
            raise Invalid(f"there is no method {method!r}: choose from {', '.join(METHODS)}")
        rows = as_rows(train, "training data")
        if len(rows) < 10 * block:
            raise Invalid(f"{len(rows)} training rows are too few: give at least {10 * block}")
        steps = np.abs(np.diff(rows, axis=0))
        self._scaler = Scaler.fit(np.log1p(steps / np.maximum(np.nanmean(steps, axis=0), 1e-12)))
        self._typical = np.maximum(np.nanmean(steps, axis=0), 1e-12)
        self._block, self._share, self._within = block, share, within
        self._detectors = [METHODS[method]() for _ in range(rows.shape[1])]
        self._changed = np.full(rows.shape[1], -np.inf)
        self._last = rows[-1]
        self._sum, self._count, self._row = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
        for row in rows:
            self.push(row)
        self._changed[:] = -np.inf

    @property
    def changed(self) -> float:
        """The share of the metrics that changed lately."""
        return float((self._changed > self._row - self._within).mean())

    def push(self, row: ArrayLike) -> bool:
        """Take one row in; whether the stream has drifted. Missing values are left out."""
        given = np.atleast_1d(np.asarray(row, dtype=np.float64))
        if given.shape != self._last.shape:
            raise Invalid(
                f"the row has {given.size} metrics, the training data had {self._last.size}: give the same"
            )
        moved, _ = self._scaler.scale(np.log1p(np.abs(given - self._last) / self._typical)[None])
        seen = np.isfinite(given - self._last)
        self._sum += np.where(seen, moved[0], 0.0)
        self._count += seen
        self._last = np.where(np.isfinite(given), given, self._last)
        self._row += 1
        if self._row % self._block == 0:
            self._look()
        return self.changed >= self._share

    def _look(self) -> None:
        means: NDArray[np.float64] = self._sum / np.maximum(self._count, 1)
        for metric in np.flatnonzero(self._count):
            self._detectors[metric].update(float(means[metric]))
            if self._detectors[metric].drift_detected:
                self._changed[metric] = self._row
        self._sum[:] = self._count[:] = 0
