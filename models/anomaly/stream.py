"""Scores while rows arrive: the same as the batch's causal ones, from no more rows than the detector looks back."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.anomaly.base import Detector, Scores


class StreamScorer:
    """Keeps `detector.memory` rows, however long the stream."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._rows: deque[NDArray[np.float64]] = deque(maxlen=detector.memory)

    def push(self, row: ArrayLike) -> Scores:
        """The scores of this one row, given those before it. Raises Invalid for another number of metrics."""
        self._rows.append(self._detector.check(np.atleast_2d(np.asarray(row, dtype=np.float64))))
        return self._detector.score_last(np.concatenate(self._rows))
