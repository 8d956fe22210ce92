"""The LSTM autoencoder as a detector: what it cannot restore from 16 numbers is strange.

Its own errors on training rows say, metric by metric, what is ordinary; the threshold comes from training rows that it did not
learn from. Source: Malhotra et al., LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection, ICML workshop 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.anomaly.base import Array, Detector, Seen
from models.anomaly.windows import ahead, cover
from suture.domain.errors import Invalid

if TYPE_CHECKING:
    from models.anomaly.lstm_net import LSTMAutoencoder

STEPS, METRICS = 100, 50
STRIDE = 5  # rows between windows, where not every row needs one of its own
HIGH = 0.9  # the quantile of training errors that counts as 1
CLIP = 10.0  # deviations: a network learns nothing from more
NOISE = 1e-3
HELD = 0.2  # share of the training rows, the last ones, that decide when to stop
CHUNK = 512  # windows at a time
Windows = NDArray[np.float32]


class LSTMDetector(Detector):
    """At most METRICS metrics; fewer are masked. Deterministic for a seed."""

    name = "lstm-autoencoder"
    memory = STEPS

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.net: LSTMAutoencoder | None = None

    def _learn(self, scaled: Array, seen: Seen) -> Array:
        from models.anomaly.lstm_net import train

        if scaled.shape[1] > METRICS:
            raise Invalid(
                f"{self.name} takes {METRICS} metrics, not {scaled.shape[1]}: choose metrics or another method"
            )
        held = len(scaled) - max(int(HELD * len(scaled)), 1)
        stride = STRIDE if len(scaled) > 2 * STEPS else 1
        inner = _windows(scaled[:held], seen[:held], _ends(held, stride))
        outer = _windows(scaled[held:], seen[held:], _ends(len(scaled) - held, stride * 2))
        self.net = train(*inner, *(outer if len(outer[0]) else inner), seed=self.seed)
        self._noise = np.quantile(self._errors_around(scaled, seen), HIGH, axis=0) + NOISE
        return self._around(scaled[held:], seen[held:])

    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        shares: Array = np.sqrt(self._errors(scaled, seen, np.arange(since, len(scaled))) / self._noise)
        return shares

    def _around(self, scaled: Array, seen: Seen) -> Array:
        shares: Array = np.sqrt(self._errors_around(scaled, seen) / self._noise)
        return shares

    def _errors_around(self, scaled: Array, seen: Seen) -> Array:
        ends = _ends(len(scaled), STRIDE)
        return _spread(self._errors(scaled, seen, ends), ends, len(scaled))

    def _errors(self, scaled: Array, seen: Seen, ends: NDArray[np.intp]) -> Array:
        """Each metric's mean squared error in the windows that end with these rows."""
        parts = [self._window_errors(scaled, seen, ends[i : i + CHUNK]) for i in range(0, len(ends), CHUNK)]
        return np.concatenate(parts)

    def _window_errors(self, scaled: Array, seen: Seen, ends: NDArray[np.intp]) -> Array:
        from models.anomaly.lstm_net import errors

        if self.net is None:
            raise Invalid(f"{self.name} was not fitted yet: call fit first")
        rows, mask = _windows(scaled, seen, ends)
        wrong = errors(self.net, rows, mask)[:, :, : scaled.shape[1]]
        found: Array = (wrong.sum(axis=1) / np.maximum(mask.sum(axis=1)[:, : scaled.shape[1]], 1)).astype(
            float
        )
        return found


def _ends(rows: int, stride: int) -> NDArray[np.intp]:
    """The last rows of windows: the first full one, then one every `stride` rows, and the very last."""
    first = min(STEPS, rows) - 1
    return np.unique(np.append(np.arange(max(first, 0), rows, stride), rows - 1)) if rows else np.arange(0)


def _windows(scaled: Array, seen: Seen, ends: NDArray[np.intp]) -> tuple[Windows, Windows]:
    """Windows that end with these rows, and their masks: n x STEPS x METRICS, masked where there is no row or no metric."""
    width = scaled.shape[1]
    rows = np.zeros((len(ends), STEPS, METRICS), dtype=np.float32)
    mask = np.zeros_like(rows)
    at = ends[:, None] + np.arange(STEPS)
    rows[:, :, :width] = np.clip(ahead(scaled, STEPS), -CLIP, CLIP)[at]
    mask[:, :, :width] = ahead(seen.astype(np.float64), STEPS)[at]
    return rows, mask


def _spread(found: Array, ends: NDArray[np.intp], rows: int) -> Array:
    """From windows to rows: each window speaks for its rows; a row takes the mean of those around it."""
    full = min(STEPS, rows)
    every = np.empty((rows - full + 1, found.shape[1]))
    nearest = np.searchsorted(ends, np.arange(full - 1, rows), side="left")
    every[:] = found[nearest]
    return cover(every, full)
