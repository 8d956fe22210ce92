"""How far each metric moved since the last row: finds jumps, and nothing that lasts."""

from __future__ import annotations

import numpy as np

from models.anomaly.base import Array, Detector, Seen


class LastValue(Detector):
    """No parameters; a score of 1 is a move of one standard deviation of the metric's level."""

    name = "last-value"
    memory = 2

    def _learn(self, scaled: Array, seen: Seen) -> Array:
        return self._causal(scaled, seen)  # the scaling is all that there is to learn

    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        moved = np.abs(np.diff(scaled, axis=0, prepend=scaled[:1]))
        known = seen & np.concatenate([seen[:1], seen[:-1]])
        return np.where(known, moved, 0.0)[since:]
