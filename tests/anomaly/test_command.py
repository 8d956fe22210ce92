"""`suture anomaly score` on files, as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.anomaly.synthetic import machine

MADE = machine(3, rows=400)


def suture(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suture.cli", "anomaly", "score", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def train(tmp_path: Path) -> Path:
    np.savez(tmp_path / "train.npz", train=MADE.train, test=MADE.test, label=MADE.label)
    return tmp_path / "train.npz"


def test_one_score_a_row_with_threshold_and_reasons(train: Path) -> None:
    done = suture("--train", train, "--test", train, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["scores"]) == 400
    assert answer["method"] == "multiscale-pca"
    assert answer["threshold"] > 0
    assert answer["top"][0]["score"] == pytest.approx(max(answer["scores"]), abs=1e-5)
    assert answer["top"][0]["contributions"]


@pytest.mark.parametrize("name", ["data", "x", "anything"])
def test_names_of_arrays(train: Path, tmp_path: Path, name: str) -> None:
    arrays: dict[str, Any] = {name: MADE.test, "label": MADE.label}
    np.savez(tmp_path / "b.npz", **arrays)
    answers = [
        json.loads(suture("--train", train, "--test", b, "--json").stdout)
        for b in (tmp_path / "b.npz", train)
    ]
    assert answers[0] == answers[1]


def test_a_table_for_people_and_another_method(train: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", MADE.test)
    done = suture("--train", train, "--test", tmp_path / "b.npy", "--method", "z-score", "--causal")
    assert done.returncode == 0, done.stderr
    assert "of 400 rows above" in done.stdout
    assert "(z-score)" in done.stdout


def test_bad_input_says_what_to_do(train: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=MADE.test, b=MADE.test)
    np.savez(tmp_path / "evil.npz", test=np.array([{"a": 1}], dtype=object))
    (tmp_path / "text.npz").write_text("hello")
    cases = {
        "two.npz": "holds a, b: expected one array",
        "evil.npz": "cannot read",
        "text.npz": "write it with numpy.savez",
        "none.npz": "there is no file",
    }
    for name, message in cases.items():
        done = suture("--train", train, "--test", tmp_path / name, "--json")
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
