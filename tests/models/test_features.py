"""Features: stable columns, what varies taken out, masks for what is missing, nothing that can break them."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import features
from models.cues import CUES, cue_row, found, vote
from models.taxonomy import LABELS
from models.text import MAX_CHARACTERS, clean, words


def test_names_come_apart_and_what_varies_is_gone() -> None:
    assert words("CertificateExpiredException") == ["certificate", "expired", "exception"]
    one = words(
        "2024-01-02T03:04:05Z pod web-6f9c7d8b5-x2x1z at 10.0.0.1:8080 id 0xdeadbeef \x1b[31mfailed\x1b[0m"
    )
    other = words("2021-11-22T13:14:55Z pod web-7a8b9c0d1-x7x3z at 10.9.8.7:9090 id 0xcafebabe failed")
    assert one == other
    assert "failed" in one


def test_meant_numbers_stay() -> None:
    assert words("exit code 137, HTTP 503, pid 4242") == ["exit", "code", "137", "http", "503", "pid", "0"]


def test_columns_are_the_same_in_another_process() -> None:
    program = "from models.features import word_columns; print(word_columns(['disk', 'full']).tolist())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(features.word_columns(["disk", "full"]).tolist())


def test_weighed_rows_have_length_one() -> None:
    sequence = words("no space left on device: no space left")
    for columns in (features.word_columns(sequence), features.character_columns(sequence)):
        distinct, values = features.weigh(columns)
        assert len(distinct) == len(set(columns.tolist()))
        assert math.isclose(float(values @ values), 1.0)


@given(st.text(max_size=400))
def test_any_text_has_features(text: str) -> None:
    sequence = words(text)
    assert (features.word_columns(sequence) < features.WORD_COLUMNS).all()
    assert (features.character_columns(sequence) < features.CHARACTER_COLUMNS).all()
    assert cue_row(text).shape == (len(CUES),)


def test_a_long_text_keeps_both_ends() -> None:
    kept = clean("first " + "x " * MAX_CHARACTERS + " last")
    assert kept.startswith("first")
    assert kept.endswith("last")
    assert len(kept) < 1.1 * MAX_CHARACTERS


def test_missing_metadata_sets_masks_and_only_masks() -> None:
    row = features.metadata_row({})
    assert row.shape == (features.METADATA_COLUMNS,)
    assert row.sum() == 3 + len(features.READINGS)


@pytest.mark.parametrize(
    "bad",
    [{"exit_code": "x"}, {"memory": float("nan")}, {"cpu": "high"}, {"stage": ["a"]}, {"exit_code": None}],
)
def test_metadata_that_is_not_understood_is_missing(bad: dict[str, object]) -> None:
    row = features.metadata_row(bad)
    assert np.isfinite(row).all()
    assert (row == features.metadata_row({})).all()


def test_metadata_is_told_apart() -> None:
    rows = [
        features.metadata_row(m)
        for m in ({"stage": "build"}, {"exit_code": 137}, {"reason": "Other"}, {"memory": 50})
    ]
    assert len({tuple(r) for r in rows}) == len(rows)
    assert features.metadata_row({"memory": 250}).max() <= 1.0


def test_cues_vote_for_what_they_speak_of() -> None:
    text = "x509: certificate has expired"
    assert LABELS[int(vote(cue_row(text)).argmax())] == "certificate_expiration"
    assert any("certificate has expired".startswith(phrase[:15]) for _, phrase in found(text))
