"""When something is full: a robust trend with its uncertainty, which season, noise and clean-ups do not mislead.

The slope is the median of slopes between pairs of points (Theil and Sen), with one season of distance between them where the
series is long enough, so that a daily rhythm is no trend. Its interval is Sen's, for as many points as there would be without
autocorrelation. A series that is emptied again and again (logs that are rotated) is judged by its peaks. No trend that is plain
in both halves of the series: no forecast. Source: Sen, Estimates of the Regression Coefficient Based on Kendall's Tau, Journal of
the American Statistical Association 63, 1968.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
MIN_POINTS = 12
MAX_POINTS = 400  # longer series are thinned: pairs grow with the square
Z = 2.576  # 99 % of a normal distribution
RESET = 0.25  # share of the range by which a drop is a clean-up
STEADY = 4.0  # how much the halves' slopes may differ


@dataclass(frozen=True)
class Forecast:
    """Seconds from the last point until the limit: `earliest` <= `expected` <= `latest` (inf: perhaps never). `reaches` says that
    there is a trend to the limit, or that it is passed already; `slope` is in units a second."""

    reaches: bool
    expected: float = math.inf
    earliest: float = math.inf
    latest: float = math.inf
    slope: float = 0.0
    why: str = ""

    def within(self, horizon: float) -> bool:
        """Whether the limit is expected before `horizon` seconds from the last point are over."""
        return self.reaches and self.expected <= horizon


def saturation(
    times: ArrayLike, values: ArrayLike, limit: float, falling: bool = False, season: float = 86_400.0
) -> Forecast:
    """When the series reaches the limit (from above when `falling`); times and season in seconds."""
    at, level = _finite(times, values)
    if falling:
        level, limit = -level, -limit
    if len(at) < MIN_POINTS:
        return Forecast(False, why=f"only {len(at)} points")
    if np.median(level[-3:]) >= limit:
        return Forecast(True, 0.0, 0.0, 0.0, why="the limit is passed")
    at, level, why = _since_clean_up(at, level)
    if len(at) < 4:
        return Forecast(False, why=why)
    at, level = _thin(at, level)
    return _toward(at, level, limit, season, why, enough=MIN_POINTS if not why else 4)


def expiry(values: ArrayLike, now: float) -> Forecast:
    """When the first of several moments (seconds since 1970) comes: the certificate that ends first."""
    moments = np.asarray(values, dtype=np.float64)
    moments = moments[np.isfinite(moments) & (moments > 0)]
    if not len(moments):
        return Forecast(False, why="no moment is known")
    left = max(float(moments.min()) - now, 0.0)
    return Forecast(True, left, left, left, why="expires")


def _finite(times: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    at, level = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if at.shape != level.shape or at.ndim != 1:
        raise ValueError(f"need one value a time: {at.shape} times, {level.shape} values")
    good = np.isfinite(at) & np.isfinite(level)
    order = np.argsort(at[good], kind="stable")
    return at[good][order], level[good][order]


def _since_clean_up(at: Array, level: Array) -> tuple[Array, Array, str]:
    """The points that tell the trend: all, those since the only clean-up, or the peaks between several."""
    steps = np.diff(level)
    spread = float(np.ptp(level))
    ordinary = 6 * 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    drops = np.flatnonzero(-steps > max(RESET * spread, ordinary)) + 1
    if not len(drops) or spread == 0:
        return at, level, ""
    parts = np.split(np.arange(len(at)), drops)
    if len(drops) == 1:
        kept = parts[-1] if len(parts[-1]) >= MIN_POINTS else parts[-1][:0]
        return at[kept], level[kept], "" if len(kept) else "emptied just now"
    peaks = np.array([part[np.argmax(level[part])] for part in parts[:-1] if len(part)])
    return at[peaks], level[peaks], f"emptied {len(drops)} times"


def _thin(at: Array, level: Array) -> tuple[Array, Array]:
    """Medians of neighbours, so that no point counts for nothing."""
    if len(at) <= MAX_POINTS:
        return at, level
    parts = np.array_split(np.arange(len(at)), MAX_POINTS)
    return np.array([at[p].mean() for p in parts]), np.array([np.median(level[p]) for p in parts])


def _toward(at: Array, level: Array, limit: float, season: float, why: str, enough: int) -> Forecast:
    slopes = _pair_slopes(at, level, season)
    if len(at) < enough or len(slopes) < enough:
        return Forecast(False, why=why or "too short")
    slope = float(np.median(slopes))
    residual = level - slope * at
    base = float(np.median(residual))
    low, high = _interval(slopes, len(at), _without_rhythm(at, residual - base, season))
    if low <= 0 or not _steady(at, level, season, slope):
        return Forecast(False, slope=slope, why=why or "no steady trend")
    now = base + slope * float(at[-1])
    swing = float(
        np.quantile(residual - base, 0.95)
    )  # the limit is met by the highest hour of the day, not by the mean
    left = limit - now
    expected = max((left - swing) / slope, 0.0)
    earliest = max((left - 2 * swing) / high, 0.0)
    latest = max((left + swing) / low, expected)
    return Forecast(True, expected, min(earliest, expected), latest, slope, why or "steady trend")


def _pair_slopes(at: Array, level: Array, season: float) -> Array:
    """Slopes of pairs; of those about whole seasons apart where there are two seasons, so that the rhythm falls out."""
    apart = at[None, :] - at[:, None]
    rise = level[None, :] - level[:, None]
    chosen = apart > 0
    if at[-1] - at[0] >= 2 * season:
        gap = float(np.median(np.diff(at)))
        phase = np.abs(apart - season * np.round(apart / season))
        chosen &= (phase <= max(gap, 1e-9)) & (apart > season / 2)
    found: Array = rise[chosen] / apart[chosen]
    return found


def _without_rhythm(at: Array, residual: Array, season: float, bins: int = 48) -> Array:
    """What the hour of the day does not explain; as it is where there are no two seasons."""
    if at[-1] - at[0] < 2 * season:
        return residual
    hour = ((at % season) / season * bins).astype(int)
    mean = np.bincount(hour, residual, bins) / np.maximum(np.bincount(hour, minlength=bins), 1)
    rest: Array = residual - mean[hour]
    return rest


def _interval(slopes: Array, points: int, residual: Array) -> tuple[float, float]:
    """Sen's interval of the slope, for as many points as are worth one without autocorrelation."""
    spread = float(residual @ residual)
    memory = float(np.clip((residual[1:] @ residual[:-1]) / spread, 0.0, 0.99)) if spread > 0 else 0.0
    worth = max(points * (1 - memory) / (1 + memory), 4.0)
    kendall = Z * math.sqrt(worth * (worth - 1) * (2 * worth + 5) / 18)
    share = min(kendall / (worth * (worth - 1) / 2) / 2, 0.5)
    return float(np.quantile(slopes, 0.5 - share)), float(np.quantile(slopes, 0.5 + share))


def _steady(at: Array, level: Array, season: float, slope: float) -> bool:
    """Whether both halves rise about as much: half a wave does not, and a step does not."""
    middle = len(at) // 2
    halves = [
        _pair_slopes(at[part], level[part], season) for part in (slice(None, middle), slice(middle, None))
    ]
    medians = [float(np.median(h)) for h in halves if len(h)]
    return all(slope / STEADY <= m <= slope * STEADY for m in medians)
