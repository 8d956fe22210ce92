"""What `make models` reports of the detectors: plain figures, and reasons to serve what is served."""

from __future__ import annotations

import json
from pathlib import Path

from models.training.anomaly import train


def test_the_served_method_is_the_best_of_the_simple_ones(tmp_path: Path) -> None:
    figures = train(tmp_path, seeds=[1, 2], methods=["multiscale-pca", "z-score", "last-value"])
    methods = figures["methods"]
    served = methods[figures["served"]]
    assert served["vus_pr"] > max(
        methods["z-score"]["vus_pr"], methods["last-value"]["vus_pr"], figures["chance"]
    )
    assert served["alarms_on_healthy_rows"] < 0.05
    assert figures["drift"]["alarms"] == 0
    assert figures["drift"]["detected"] == 1
    assert figures["drift"]["textbook_psi_alarms"] > 0.5
    assert json.loads(json.dumps(figures)) == figures
