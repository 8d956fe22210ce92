"""How far two samples of one feature are apart: PSI, Kolmogorov-Smirnov, Jensen-Shannon; and how far two correlations are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 10
EMPTY = 1e-3  # the share that an empty bin counts as


def edges(reference: Array, bins: int = BINS) -> Array:
    """Inner edges of bins with about equal shares of the reference; a value that fills whole bins gets one of its own."""
    quantiles = np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1], method="nearest")
    values, times = np.unique(quantiles, return_counts=True)
    return np.unique(np.concatenate([values, np.nextafter(values[times > 1], np.inf)]))


def shares(sample: Array, inner: Array) -> Array:
    """The share of the sample in each bin."""
    counted = np.bincount(np.searchsorted(inner, sample, side="right"), minlength=len(inner) + 1)
    share: Array = counted / max(len(sample), 1)
    return share


def psi(reference: Array, current: Array) -> float:
    """Population stability index; 0 for equal, by custom above 0.2 a shift. Source: Siddiqi, Credit Risk Scorecards, 2006."""
    inner = edges(reference)
    p, q = (np.maximum(shares(s, inner), EMPTY) for s in (reference, current))
    return float(((p - q) * np.log(p / q)).sum())


def jensen_shannon(reference: Array, current: Array) -> float:
    """Divergence in bits, 0..1, over the reference's bins. Source: Lin, IEEE Transactions on Information Theory 37(1), 1991."""
    inner = edges(reference)
    p, q = shares(reference, inner), shares(current, inner)
    middle = (p + q) / 2
    return float((_relative(p, middle) + _relative(q, middle)) / 2)


def kolmogorov_smirnov(reference: Array, current: Array) -> tuple[float, float]:
    """The largest distance of the two distributions, 0..1, and its p-value, which supposes independent rows."""
    from scipy.stats import ks_2samp

    found = ks_2samp(reference, current, method="asymp")
    return float(found.statistic), float(found.pvalue)


def rank_correlation(rows: Array) -> Array:
    """Spearman's correlations, metrics x metrics; 0 where a metric is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(rows, axis=0)
    spread = ranks.std(axis=0)
    standard = (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    found: Array = standard.T @ standard / len(rows)
    return found


def _relative(p: Array, to: Array) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / to[there])).sum())
