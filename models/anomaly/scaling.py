"""Metrics of any unit made comparable, with what the training rows know and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONSTANT = 1e-6  # a spread below this share of the value (or of 1) is no spread
LIMIT = 1e6  # standard deviations: beyond, more says nothing more and squares would overflow


@dataclass(frozen=True)
class Scaler:
    """Standard scores. A metric that never moved in training has no spread to measure by: its moves count relative to its
    value (or to 1) and at most as one deviation, so that a flag which flips is seen and a counter which starts does not drown
    all others."""

    mean: Array
    spread: Array
    constant: NDArray[np.bool_]

    @property
    def metrics(self) -> int:
        return len(self.mean)

    @classmethod
    def fit(cls, rows: Array) -> Self:
        """From rows x metrics; a metric without any value counts as one that is always 0."""
        count = np.maximum(np.isfinite(rows).sum(axis=0), 1)
        mean = np.nansum(rows / count, axis=0)
        spread = np.sqrt(np.nansum((rows - mean) ** 2 / count, axis=0))
        natural = np.maximum(np.abs(mean), 1.0)
        constant = spread < CONSTANT * natural
        return cls(mean, np.where(constant, natural, spread), constant)

    def scale(self, rows: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Scaled rows with 0 (the ordinary) for what is missing, and what was seen."""
        seen = np.isfinite(rows)
        scaled = np.where(seen, (np.where(seen, rows, 0.0) - self.mean) / self.spread, 0.0)
        limit = np.where(self.constant, 1.0, LIMIT)
        return np.clip(scaled, -limit, limit), seen
