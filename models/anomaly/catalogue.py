"""Every detector by its name; the default is the best simple one, measured by `python -m benchmarks anomaly`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from models.anomaly.base import Detector
from models.anomaly.ensemble import Ensemble, MultiscalePCA
from models.anomaly.last_value import LastValue
from models.anomaly.lstm import LSTMDetector
from models.anomaly.windowed_pca import WindowedPCA
from models.anomaly.zscore import ZScore
from suture.domain.errors import Invalid

DETECTORS: Final[dict[str, Callable[[], Detector]]] = {
    MultiscalePCA.name: MultiscalePCA,
    WindowedPCA.name: WindowedPCA,
    ZScore.name: ZScore,
    LastValue.name: LastValue,
    LSTMDetector.name: LSTMDetector,
    Ensemble.name: lambda: Ensemble([MultiscalePCA(), ZScore(), LSTMDetector()]),
}
DEFAULT: Final = MultiscalePCA.name


def detector(name: str = DEFAULT) -> Detector:
    """An unfitted detector. Raises Invalid for a name that is unknown."""
    if name not in DETECTORS:
        raise Invalid(f"there is no method {name!r}: choose from {', '.join(DETECTORS)}")
    return DETECTORS[name]()
