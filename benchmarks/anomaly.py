"""The served detector on made machines beside the z-score, the cost of a streamed row, the network beside bare torch, drift."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figure, percentile
from models.anomaly.catalogue import DEFAULT, detector
from models.anomaly.evaluation import vus_pr
from models.anomaly.lstm import METRICS, STEPS, LSTMDetector
from models.anomaly.stream import StreamScorer
from models.anomaly.synthetic import machine
from models.drift.batch import compare

MACHINES, CHANGING, BUFFER, ROWS = 6, 24, 20, 300


def measure() -> list[Figure]:
    made = [machine(seed) for seed in range(CHANGING)]
    found = {name: _found(name) for name in (DEFAULT, "z-score")}
    windows = [m.train[i : i + 500] for m in made for i in (0, 500, 1000)]
    same = [compare(windows[i], windows[i + 1]).drifted for i in range(len(windows) - 1) if i % 3 < 2]
    other = [compare(windows[i], windows[(i + 3) % len(windows)]).drifted for i in range(len(windows))]
    return [
        Figure("VUS-PR, made machines", found[DEFAULT], "", found["z-score"], "z-score", lower=False),
        _streamed(),
        _network(),
        Figure("drift, alarms on adjacent windows", 100 * float(np.mean(same)), "%", goal="<= 5 %"),
        Figure(
            "drift, other machines detected", 100 * float(np.mean(other)), "%", goal=">= 95 %", lower=False
        ),
    ]


def _found(name: str) -> float:
    made = [machine(seed) for seed in range(MACHINES)]
    return float(
        np.mean([vus_pr(detector(name).fit(m.train).score(m.test).total, m.label, BUFFER) for m in made])
    )


def _streamed() -> Figure:
    made = machine(0)
    stream = StreamScorer(detector().fit(made.train))
    times = [_seconds(lambda row=row: stream.push(row)) for row in made.test[:ROWS]]  # type: ignore[misc]
    return Figure("one streamed row, p99", 1000 * percentile(times, 0.99), "ms")


def _network() -> Figure:
    """Rows a second through the detector, beside the same windows through the bare network."""
    import torch

    made = machine(0, rows=1200)
    found = LSTMDetector().fit(made.train)
    rows = made.test[:600]
    ours = percentile([_seconds(lambda: found.score(rows, causal=True)) for _ in range(3)], 0.5)
    bare = torch.zeros(len(rows), STEPS, METRICS)
    net = found.net
    if net is None:
        raise RuntimeError("the network was not fitted")

    def plain() -> None:
        with torch.inference_mode():
            for start in range(0, len(bare), 512):
                net(bare[start : start + 512])

    floor = percentile([_seconds(plain) for _ in range(3)], 0.5)
    return Figure(
        "autoencoder",
        len(rows) / ours,
        "rows/s",
        len(rows) / floor,
        "bare torch",
        goal=">= half",
        lower=False,
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
