"""Machines that never were: metrics with daily load, noise and dependence on each other, and anomalies of known kinds in them.

For tests, benchmarks and the figures of a training run; what a detector does on real machines is measured on real machines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DAY = 288  # rows, at 5 minutes each
KINDS = ("level", "spike", "stuck", "decoupled", "noise")


@dataclass(frozen=True)
class Machine:
    """Rows x metrics of healthy training data, of test data, and a label a test row."""

    train: Array
    test: Array
    label: NDArray[np.uint8]


def machine(seed: int, rows: int = 2000, metrics: int = 12, anomalies: int = 6) -> Machine:
    """A machine whose metrics follow a few hidden loads; each anomaly touches a third of the metrics."""
    rng = np.random.default_rng(seed)
    healthy = _healthy(rng, 2 * rows, metrics)
    train, test = healthy[:rows], healthy[rows:].copy()
    label = np.zeros(rows, dtype=np.uint8)
    room = rows // anomalies
    for number in range(anomalies):
        length = int(rng.integers(6, 40))
        start = number * room + int(rng.integers(20, room - length - 10))
        touched = rng.choice(metrics, size=max(metrics // 3, 1), replace=False)
        _spoil(rng, test, train, slice(start, start + length), touched, KINDS[number % len(KINDS)])
        label[start : start + length] = 1
    return Machine(train, test, label)


def _healthy(rng: np.random.Generator, rows: int, metrics: int) -> Array:
    time = np.arange(rows)
    phase = rng.uniform(0, 2 * np.pi, 3)
    daily = np.sin(2 * np.pi * time[:, None] / DAY + phase)
    wander = np.stack([_autocorrelated(rng, rows) for _ in range(3)], axis=1)
    mixed = (daily + 0.5 * wander) @ rng.normal(size=(3, metrics))
    scale = 10 ** rng.uniform(-2, 6, metrics)  # bytes beside ratios
    return (mixed + 0.1 * rng.normal(size=(rows, metrics)) + rng.uniform(3, 8, metrics)) * scale


def _autocorrelated(rng: np.random.Generator, rows: int, memory: float = 0.97) -> Array:
    values, noise = np.empty(rows), rng.normal(size=rows) * np.sqrt(1 - memory**2)
    last = 0.0
    for i in range(rows):
        values[i] = last = memory * last + noise[i]
    return values


def _spoil(
    rng: np.random.Generator, rows: Array, train: Array, where: slice, metrics: NDArray[np.intp], kind: str
) -> None:
    spread, part = train[:, metrics].std(axis=0), rows[where, metrics]
    if kind == "level":
        rows[where, metrics] = part + spread * rng.choice([-2.0, 2.0], len(metrics))
    elif kind == "spike":
        rows[where, metrics] = part + spread * 4 * rng.uniform(0, 1, (len(part), 1))
    elif kind == "stuck":
        rows[where, metrics] = part[:1] + spread
    elif kind == "decoupled":
        rows[where, metrics] = (
            train[: len(part)][:, metrics[::-1]] / train[:, metrics[::-1]].mean(0) * part.mean(0)
        )
    else:
        rows[where, metrics] = part + spread * rng.normal(size=part.shape)
