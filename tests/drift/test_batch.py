"""Measures against their definitions, and the verdict on machines that stay, change, move up, or fall silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly.synthetic import machine
from models.drift import measures
from models.drift.batch import compare
from suture.domain.errors import Invalid

SAMPLES = st.lists(st.floats(-100, 100), min_size=30, max_size=200)


@given(SAMPLES, SAMPLES)
@settings(deadline=None)
def test_measures_keep_their_bounds(a: list[float], b: list[float]) -> None:
    old, new = np.array(a), np.array(b)
    assert measures.psi(old, new) >= 0
    assert measures.psi(old, old) == 0
    assert 0 <= measures.jensen_shannon(old, new) <= 1 + 1e-12
    assert measures.jensen_shannon(old, old) == 0
    statistic, p = measures.kolmogorov_smirnov(old, new)
    assert 0 <= statistic <= 1
    assert 0 <= p <= 1


def test_psi_of_a_known_shift() -> None:
    old = np.arange(1000.0)
    new = np.where(old >= 900, old - 900, old)  # a tenth moves from the last bin to the first
    expected = (0.1 - 0.001) * np.log(0.1 / 0.001) + (0.1 - 0.2) * np.log(0.1 / 0.2)
    assert measures.psi(old, new) == pytest.approx(expected, rel=0.05)


def test_a_value_that_fills_bins_is_seen_on_both_sides() -> None:
    still = np.zeros(500)
    assert measures.psi(still, still + 1) > 1
    assert measures.psi(still, still - 1) > 1


def test_adjacent_windows_of_a_machine_are_no_drift_and_another_machine_is() -> None:
    rows = [machine(s, rows=1500).train for s in range(6)]
    same = [compare(r[:700], r[700:1400]).drifted for r in rows]
    other = [compare(rows[i][:700], rows[(i + 1) % 6][:700]).drifted for i in range(6)]
    assert sum(same) == 0
    assert sum(other) == 6


def test_levels_that_left_their_range_alarm() -> None:
    rows = machine(1, rows=1000).train
    found = compare(rows, rows + 20 * rows.std(axis=0))
    assert found.drifted
    assert found.reason == "levels"


def test_independent_rows_are_judged_by_their_levels() -> None:
    rng = np.random.default_rng(0)
    old, new = rng.random((2000, 3)), rng.random((2000, 3))
    assert not compare(old, new, ordered=False).drifted
    assert compare(old, new**3, ordered=False).drifted


def test_missing_values_and_silence() -> None:
    rows = machine(2, rows=1000).train
    holes = rows.copy()
    holes[::7, 3] = np.nan
    holes[:, 5] = np.nan
    same = holes.copy()
    assert not compare(holes[:500], same[500:]).drifted
    silent = compare(rows[:500], holes[500:])
    assert silent.features[5].psi == 1.0
    assert np.isfinite(silent.score)


def test_bad_input_says_what_to_do(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).random((200, 3))
    with pytest.raises(Invalid, match="3 features, the current rows 2"):
        compare(rows, rows[:, :2])
    with pytest.raises(Invalid, match="at least 50"):
        compare(rows, rows[:10])
    with pytest.raises(Invalid, match="2 names for 3"):
        compare(rows, rows, names=["a", "b"])


def test_the_command(tmp_path: Path) -> None:
    one, other = machine(3, rows=800), machine(4, rows=800)
    np.savez(tmp_path / "a.npz", train=one.train[:400])
    np.savez(tmp_path / "b.npz", data=one.train[400:])
    np.savez(tmp_path / "c.npz", data=other.train[:400])
    command = [
        sys.executable,
        "-m",
        "suture.cli",
        "drift",
        "--reference",
        str(tmp_path / "a.npz"),
        "--current",
    ]

    def answer(name: str, *more: str) -> str:
        return subprocess.run(
            [*command, str(tmp_path / name), *more], capture_output=True, text=True, check=True
        ).stdout

    found = json.loads(answer("c.npz", "--json"))
    assert found["drifted"] is True
    assert found["score"] > 1
    assert len(found["features"]) == 12
    assert answer("b.npz").startswith("no drift")
