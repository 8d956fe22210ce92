"""Artefacts: what was written comes back, and what was damaged, lost or made by others is refused in words."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from models.artefacts import ArtefactStore, decode
from suture.domain.errors import Invalid, TargetNotFound

WEIGHTS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, dtype=np.float32)}
ABOUT = {"classes": ["a", "b"], "threshold": 0.5}


def test_what_is_written_comes_back_and_the_name_is_its_content(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    name = store.put(WEIGHTS, ABOUT)
    assert name == ArtefactStore(tmp_path / "elsewhere").put(dict(reversed(WEIGHTS.items())), ABOUT)
    arrays, about = store.get(name)
    assert about == ABOUT
    np.testing.assert_array_equal(arrays["w"], WEIGHTS["w"])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path)
    name = store.put(WEIGHTS, ABOUT)
    file = tmp_path / f"{name}.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(Invalid, match="damaged"):
        store.get(name)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TargetNotFound, match="train it again"):
        ArtefactStore(tmp_path).get("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64])
def test_only_hashes_are_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="SHA-256"):
        ArtefactStore(tmp_path).get(name)


@pytest.mark.parametrize("data", [b"", b"x" * 100, pickle.dumps({"w": 1})])
def test_what_is_no_artefact_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="not an artefact"):
        decode(data)


def test_a_training_that_went_wrong_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="NaN"):
        ArtefactStore(tmp_path).put({"w": np.array([np.nan])}, {})
    assert not list(tmp_path.iterdir())
