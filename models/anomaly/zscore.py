"""How far each metric is from its mean, in its own standard deviations: the floor that every other detector must beat."""

from __future__ import annotations

import numpy as np

from models.anomaly.base import Array, Detector, Seen


class ZScore(Detector):
    """No parameters; a score of 1 is one standard deviation, on average over the metrics."""

    name = "z-score"
    memory = 1

    def _learn(self, scaled: Array, seen: Seen) -> Array:
        return np.abs(scaled)  # the scaling is all that there is to learn

    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        return np.abs(scaled[since:])
