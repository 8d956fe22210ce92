"""A stream that stays raises no alarm, one that changes its machine raises one; whatever the detector."""

from __future__ import annotations

import numpy as np
import pytest

from models.anomaly.synthetic import machine
from models.drift.stream import METHODS, StreamDrift
from suture.domain.errors import Invalid


@pytest.mark.parametrize("method", list(METHODS))
@pytest.mark.parametrize("seed", [0, 1])
def test_alarms_on_another_machine_only(method: str, seed: int) -> None:
    rows = machine(seed, rows=3000).train
    calm = StreamDrift(rows[:1500], method)
    assert not any(calm.push(row) for row in rows[1500:])
    wilder = rows[1500:] + 3 * rows.std(axis=0) * np.random.default_rng(seed).normal(size=rows[1500:].shape)
    changed = StreamDrift(rows[:1500], method)
    assert any([changed.push(row) for row in wilder])


def test_one_wild_metric_is_no_drift() -> None:
    rows = machine(5, rows=2000).train
    stream = StreamDrift(rows[:1000])
    wild = rows[1000:].copy()
    wild[:, 2] *= np.random.default_rng(0).uniform(0, 9, 1000)
    assert not any(stream.push(row) for row in wild)
    assert stream.changed < 0.5


def test_missing_values_are_left_out() -> None:
    rows = machine(6, rows=1200).train
    rows[700:, 1] = np.nan
    stream = StreamDrift(rows[:600])
    assert not any(stream.push(row) for row in rows[600:])


def test_bad_input_says_what_to_do() -> None:
    rows = machine(6, rows=1200).train[:300]
    with pytest.raises(Invalid, match="choose from adwin"):
        StreamDrift(rows, "guess")
    with pytest.raises(Invalid, match="too few"):
        StreamDrift(rows[:50])
    with pytest.raises(Invalid, match="the row has 2 metrics"):
        StreamDrift(rows).push([1, 2])
