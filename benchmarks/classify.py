"""How fast the failure classifier answers, on logs of ordinary length, beside the keyword list alone."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.figures import Figure, percentile
from models.classifier import FailureClassifier
from models.cues import cue_row, vote
from models.training.generate import examples

SNIPPETS: Final = 2_000


def measure() -> list[Figure]:
    """Seconds of each answer; every snippet is new, so nothing is remembered but words."""
    model = FailureClassifier.open()
    failures = [e.failure for e in examples(variants=2, seed=99)[1::2]][:SNIPPETS]
    for failure in failures[:50]:
        model.classify(failure)
    seconds = []
    for failure in failures:
        began = time.perf_counter()
        model.classify(failure)
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    for failure in failures:
        vote(cue_row(failure.text))
    bare = time.perf_counter() - began
    return [
        Figure("classify, p99", percentile(seconds, 0.99) * 1000, "ms", goal="< 20 ms"),
        Figure(
            "classify, snippets",
            len(seconds) / sum(seconds),
            "/s",
            len(failures) / bare,
            "keyword list alone",
            goal=">= 500 /s",
            lower=False,
        ),
    ]
