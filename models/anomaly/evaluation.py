"""How good a score is: VUS-PR, the volume under the precision-recall surface, which needs no threshold and forgives being
a little early or late without forgiving everything, as point-adjusted figures do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
THRESHOLDS = 250  # as the published protocol has it


class Segment(NamedTuple):
    """Rows first..last, both inside."""

    first: int
    last: int


def segments(label: NDArray[Any]) -> list[Segment]:
    """The runs of rows that are labelled."""
    edge = np.diff(np.concatenate([[0], (np.asarray(label) > 0).astype(np.int8), [0]]))
    return [
        Segment(int(a), int(b))
        for a, b in zip(np.where(edge == 1)[0], np.where(edge == -1)[0] - 1, strict=True)
    ]


def vus_pr(score: NDArray[Any], label: NDArray[Any], window: int, thresholds: int = THRESHOLDS) -> float:
    """The mean over buffer lengths 0..window of the range-based average precision; 0..1, higher is better.

    Rows up to half a buffer away from an anomaly count as partly anomalous, with weight sqrt(1 - distance / buffer). Recall is
    weighted by the share of anomalies found at all. Figures equal those of TSB-AD's `RangeAUC_volume_opt`.
    Source: Paparrizos et al., Volume Under the Surface, PVLDB 15(11), 2022; Liu and Paparrizos, TSB-AD, NeurIPS 2024.
    Raises ValueError when nothing, or everything, is labelled, or the score is not finite.
    """
    score, label = np.asarray(score, dtype=float), np.asarray(label) > 0
    if len(score) != len(label) or not np.isfinite(score).all():
        raise ValueError(f"need one finite score a row: {len(score)} scores for {len(label)} labels")
    if not label.any() or label.all():
        raise ValueError("VUS-PR is defined only where some rows are anomalous and some are not")
    found = segments(label)
    order = np.argsort(-score, kind="stable")
    levels = score[order][np.linspace(0, len(score) - 1, thresholds).astype(int)]
    predicted = np.searchsorted(-score[order], -levels, side="right")  # rows with score >= level
    return float(
        np.mean(
            [_average_precision(score, label, found, order, levels, predicted, w) for w in range(window + 1)]
        )
    )


def _average_precision(
    score: Array,
    label: NDArray[np.bool_],
    found: list[Segment],
    order: NDArray[np.intp],
    levels: Array,
    predicted: NDArray[np.intp],
    buffer: int,
) -> float:
    weight = _soft_label(label, found, buffer)
    hits = np.cumsum(weight[order])[predicted - 1]
    beside = np.cumsum(np.where(label, 0.0, weight)[order])[predicted - 1]
    positives = label.sum() + beside / 2
    highest = np.sort([score[s.first : s.last + 1].max() for s in _merged(found, buffer, len(label))])
    existence = 1 - np.searchsorted(highest, levels, side="left") / len(highest)
    recall = np.minimum(hits / positives, 1.0) * existence
    precision = hits / predicted
    return float(np.dot(np.diff(recall, prepend=0.0), precision))


def _soft_label(label: NDArray[np.bool_], found: list[Segment], buffer: int) -> Array:
    weight = label.astype(float)
    for s in found:
        after = np.arange(s.last + 1, min(s.last + buffer // 2 + 1, len(weight)))
        before = np.arange(max(s.first - buffer // 2, 0), s.first)
        weight[after] += np.sqrt(1 - (after - s.last) / max(buffer, 1))
        weight[before] += np.sqrt(1 - (s.first - before) / max(buffer, 1))
    np.minimum(weight, 1.0, out=weight)
    return weight


def _merged(found: list[Segment], buffer: int, rows: int) -> list[Segment]:
    """The segments with half a buffer on both sides; those that then touch are one."""
    half, merged = buffer // 2, [Segment(max(found[0].first - buffer // 2, 0), 0)]
    for s, following in pairwise(found):
        if s.last + half < following.first - half:
            merged[-1] = Segment(merged[-1].first, s.last + half)
            merged.append(Segment(following.first - half, 0))
    merged[-1] = Segment(merged[-1].first, min(found[-1].last + half, rows - 1))
    return merged
