"""`python -m models.training [NAME ...]`: train the named models, or all, and write their artefacts and metrics.

A trainer is one line in TRAINERS: the module is imported only when it runs, and its `train(folder)` saves the
artefact with its manifest in `folder` and returns the metrics, which also go to build/models/NAME.json.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Final

from models.artifact import ARTIFACTS
from models.training.log import say

TRAINERS: Final = {"classifier": "models.training.classifier", "anomaly": "models.training.anomaly"}
METRICS: Final = Path("build/models")


def main(names: list[str]) -> int:
    """Exit code 2 for an unknown name."""
    unknown = [n for n in names if n not in TRAINERS]
    if unknown:
        say(f"models.training: {', '.join(unknown)}: unknown; choose from {', '.join(TRAINERS)}")
        return 2
    METRICS.mkdir(parents=True, exist_ok=True)
    for name in names or TRAINERS:
        began = time.monotonic()
        metrics = importlib.import_module(TRAINERS[name]).train(ARTIFACTS)
        (METRICS / f"{name}.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
        say(f"{name}: trained in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
