"""Figures of the anomaly detectors and of drift on made machines: what is served, beside its floors and the network.

Detectors are fitted to each target when it is looked at, so there is no artefact to keep; what is measured here says whether the
default is still the one to serve. Real machines: `python -m models.anomaly.report FOLDER...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.anomaly.catalogue import DEFAULT, DETECTORS, detector
from models.anomaly.evaluation import vus_pr
from models.anomaly.synthetic import Machine, machine
from models.drift.batch import compare

SEEDS: Final = range(100, 103)
ROWS: Final = 1200
BUFFER: Final = 20  # of VUS-PR
NEAR: Final = 40  # rows around an anomaly that share a window with it
WINDOW: Final = 400  # rows compared for drift


def train(
    folder: Path, seeds: Sequence[int] = SEEDS, methods: Sequence[str] = tuple(DETECTORS)
) -> dict[str, Any]:
    """Fit every detector to made machines; returns VUS-PR by method, the share of alarms on healthy rows, and drift's two errors.

    `folder` is where artefacts go; none is made.
    """
    made = [machine(seed, rows=ROWS) for seed in seeds]
    chance = [vus_pr(np.random.default_rng(0).random(ROWS), m.label, BUFFER) for m in made]
    found = {name: _figures(name, made) for name in methods}
    return {"served": DEFAULT, "chance": float(np.mean(chance)), "methods": found, "drift": _drift(made)}


def _figures(name: str, made: Sequence[Machine]) -> dict[str, float]:
    found, alarms, recall = [], [], []
    for one in made:
        fitted = detector(name).fit(one.train)
        scores = fitted.score(one.test).total
        found.append(vus_pr(scores, one.label, BUFFER))
        far = np.convolve(one.label, np.ones(2 * NEAR + 1), mode="same") == 0
        alarms.append((scores[far] > fitted.threshold).mean())
        recall.append((scores[one.label > 0] > fitted.threshold).mean())
    return {
        "vus_pr": float(np.mean(found)),
        "alarms_on_healthy_rows": float(np.mean(alarms)),
        "recall_of_rows": float(np.mean(recall)),
    }


def _drift(made: Sequence[Machine]) -> dict[str, float]:
    """The share of adjacent windows of one machine that alarm, and of other machines that are noticed; by the rule and by the
    textbook."""
    windows = [[m.train[i : i + WINDOW] for i in range(0, ROWS, WINDOW)] for m in made]
    same = [compare(a, b) for parts in windows for a, b in pairwise(parts)]
    other = [compare(windows[i][0], windows[(i + 1) % len(windows)][0]) for i in range(len(windows))]
    return {
        "alarms": float(np.mean([d.drifted for d in same])),
        "detected": float(np.mean([d.drifted for d in other])),
        "textbook_psi_alarms": float(np.mean([max(f.psi for f in d.features) > 0.2 for d in same])),
        "textbook_ks_alarms": float(np.mean([min(f.ks_p for f in d.features) < 0.05 for d in same])),
    }
