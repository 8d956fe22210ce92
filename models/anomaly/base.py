"""The interface of every detector: fit on rows of healthy metrics, score new rows, and say which metric is to blame.

Arrays are rows x metrics, one row a step of time, oldest first; NaN means that a value is missing. What is missing is masked:
it neither raises nor lowers a score. A score is never negative; about 1 is ordinary, more is stranger. It is the mean over
metrics of each metric's share, so the shares explain it exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.anomaly.scaling import Scaler
from suture.domain.errors import Invalid

Array = NDArray[np.float64]
Seen = NDArray[np.bool_]
MIN_ROWS = 16  # fewer say nothing about what is ordinary
ALARM = 0.999  # share of such training rows that stay below the threshold


@dataclass(frozen=True)
class Scores:
    """`shares` is rows x metrics; `total` one score a row, the mean of its row of shares over the metrics that were seen."""

    total: Array
    shares: Array


class Detector(ABC):
    """A detector with its scaling. Subclasses say how strange scaled rows are; everything else is here."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self._scaler: Scaler | None = None
        self._threshold = np.nan

    @property
    def metrics(self) -> int:
        """How many metrics a row has."""
        return self._fitted.metrics

    @property
    def threshold(self) -> float:
        """What ALARM of the training rows stay below, as judged by what was not learned from them."""
        _ = self._fitted
        return float(self._threshold)

    def fit(self, train: ArrayLike) -> Self:
        """Learn what is ordinary. Raises Invalid when the rows cannot say."""
        rows = as_rows(train, "training data")
        if len(rows) < MIN_ROWS:
            raise Invalid(f"{len(rows)} training rows are too few: give at least {MIN_ROWS}")
        self._scaler = Scaler.fit(rows)
        scaled, seen = self._scaler.scale(rows)
        unseen = self._learn(scaled, seen)
        self._threshold = max(
            float(np.quantile(mean_share(unseen, int(seen.any(axis=0).sum())), ALARM)), 1e-9
        )
        return self

    def score(self, rows: ArrayLike, causal: bool = False) -> Scores:
        """Score rows. `causal` uses nothing after a row, as one must while rows still arrive; otherwise a row is judged by
        all windows around it. Raises Invalid for another number of metrics."""
        scaled, seen = self._fitted.scale(self.check(rows))
        if causal:
            return self._latest(scaled, seen, since=0)
        shares = self._around(scaled, seen)
        return Scores(total=mean_share(shares, int(seen.any(axis=0).sum())), shares=shares)

    def score_last(self, rows: ArrayLike) -> Scores:
        """The causal score of the last row alone; `memory` rows before and with it are enough. Raises as score does."""
        given = self.check(rows)
        return self._latest(*self._fitted.scale(given), since=len(given) - 1)

    def check(self, rows: ArrayLike) -> Array:
        """The rows as floats, NaN where a value is missing. Raises Invalid when they are not of the metrics it was fitted on."""
        given = as_rows(rows, "data")
        if given.shape[1] != self.metrics:
            raise Invalid(
                f"the data has {given.shape[1]} metrics, the training data had {self.metrics}: give the same"
            )
        return given

    @property
    @abstractmethod
    def memory(self) -> int:
        """How many rows, the newest included, the causal score of a row depends on."""

    @abstractmethod
    def _learn(self, scaled: Array, seen: Seen) -> Array:
        """Learn, and return the shares of training rows as judged by what was not learned from them."""

    @abstractmethod
    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        """How strange each metric is in each row from `since` on, judged by rows up to it; 0 where nothing was seen."""

    def _around(self, scaled: Array, seen: Seen) -> Array:
        """The same for all rows, judged by rows before and after."""
        return self._causal(scaled, seen)

    def _latest(self, scaled: Array, seen: Seen, since: int) -> Scores:
        shares = self._causal(scaled, seen, since)
        return Scores(
            total=mean_share(shares, recently(seen, self.memory)[since:].sum(axis=1)), shares=shares
        )

    @property
    def _fitted(self) -> Scaler:
        if self._scaler is None:
            raise Invalid(f"{self.name} was not fitted yet: call fit first")
        return self._scaler


def as_rows(data: ArrayLike, what: str) -> Array:
    """Rows x metrics as floats; one metric may come as a plain list. Raises Invalid."""
    try:
        rows = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError) as e:
        raise Invalid(f"{what} must be numbers, rows x metrics: {e}") from e
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2 or 0 in rows.shape:
        raise Invalid(f"{what} must be rows x metrics and not empty, not of shape {rows.shape}")
    return np.where(np.isfinite(rows), rows, np.nan)


def mean_share(shares: Array, metrics: int | NDArray[np.intp]) -> Array:
    """Over the metrics that report at all: one that does not neither calms nor alarms."""
    total: Array = shares.sum(axis=1) / np.maximum(metrics, 1)
    return total


def recently(seen: Seen, rows: int) -> Seen:
    """Which metrics were seen in each row or the rows - 1 before it."""
    count = np.cumsum(np.concatenate([np.zeros((rows, seen.shape[1]), dtype=np.intp), seen]), axis=0)
    there: Seen = count[rows:] > count[:-rows]
    return there


def top_contributions(scores: Scores, rows: int = 10, metrics: int = 5) -> list[dict[str, Any]]:
    """The strangest rows with the metrics that made them so; each metric's part of the score, all of them adding to 1."""
    found = []
    for row in np.argsort(-scores.total, kind="stable")[:rows]:
        parts = scores.shares[row] / max(scores.shares[row].sum(), 1e-12)
        best = np.argsort(-parts, kind="stable")[:metrics]
        found.append(
            {
                "row": int(row),
                "score": float(scores.total[row]),
                "contributions": {str(m): round(float(parts[m]), 4) for m in best if parts[m] > 0},
            }
        )
    return found
