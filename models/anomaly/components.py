"""Principal components from sums: parts of the data can be added and left out without going through the data again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Axes:
    """`mean` (dimensions) and orthonormal `directions` (dimensions x number)."""

    mean: Array
    directions: Array


@dataclass(frozen=True)
class Moments:
    """Count, sum, and sum of outer products of vectors."""

    count: int
    total: Array
    outer: Array

    @classmethod
    def none(cls, size: int) -> Self:
        """Of no vectors."""
        return cls(0, np.zeros(size), np.zeros((size, size)))

    @classmethod
    def of(cls, vectors: Array) -> Self:
        """Of vectors x dimensions."""
        return cls(len(vectors), vectors.sum(axis=0), vectors.T @ vectors)

    @classmethod
    def together(cls, parts: Sequence[Moments]) -> Self:
        """Of everything that the parts were made of."""
        first, *others = parts
        count, total, outer = first.count, first.total.copy(), first.outer.copy()
        for part in others:
            count += part.count
            total += part.total
            outer += part.outer
        return cls(count, total, outer)

    def axes(self, variance: float) -> Axes:
        """The fewest principal components that explain this share of the variance, and one more."""
        mean = self.total / max(self.count, 1)
        covariance = self.outer / max(self.count, 1) - np.outer(mean, mean)
        whole = max(float(np.trace(covariance)), 1e-12)
        values, vectors = np.linalg.eigh(covariance)
        explained = np.cumsum(np.maximum(values[::-1], 0.0)) / whole
        return Axes(mean, vectors[:, ::-1][:, : int(np.searchsorted(explained, variance)) + 1])
