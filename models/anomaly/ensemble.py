"""Several detectors asked at once: the mean of what they say, each in units of what it says of unseen training rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.anomaly.base import Array, Detector, Seen, mean_share
from models.anomaly.windowed_pca import WindowedPCA

HIGH = 0.9  # the quantile of a member's training scores that counts as 1
STEPS = (10, 20, 40)


class Ensemble(Detector):
    """The members' shares, each divided by what is high for the member, averaged: contributions stay exact."""

    name = "ensemble"

    def __init__(self, members: Sequence[Detector]) -> None:
        super().__init__()
        self.members = list(members)

    @property
    def memory(self) -> int:
        return max(m.memory for m in self.members)

    def _learn(self, scaled: Array, seen: Seen) -> Array:
        unseen = [member._learn(scaled, seen) for member in self.members]
        reporting = int(seen.any(axis=0).sum())
        self._unit = [max(float(np.quantile(mean_share(u, reporting), HIGH)), 1e-9) for u in unseen]
        last = min(len(u) for u in unseen)  # one that holds rows out judges the last ones only
        return self._together([u[-last:] for u in unseen])

    def _causal(self, scaled: Array, seen: Seen, since: int = 0) -> Array:
        return self._together([m._causal(scaled, seen, since) for m in self.members])

    def _around(self, scaled: Array, seen: Seen) -> Array:
        return self._together([m._around(scaled, seen) for m in self.members])

    def _together(self, parts: list[Array]) -> Array:
        mean: Array = np.mean([part / unit for part, unit in zip(parts, self._unit, strict=True)], axis=0)
        return mean


class MultiscalePCA(Ensemble):
    """Windowed PCA over short, middle and long windows: what is served by default."""

    name = "multiscale-pca"

    def __init__(self, members: Sequence[Detector] = ()) -> None:
        super().__init__(members or [WindowedPCA(steps) for steps in STEPS])
