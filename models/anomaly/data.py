"""Rows of metrics from files: `.npz` with named arrays, or one array in a `.npy`. Nothing in a file is ever executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.anomaly.base import as_rows
from suture.domain.errors import Invalid

Role = Literal["train", "test"]
PLAIN = ("data", "values", "rows", "x", "X")  # names of an array that a file may have instead of its role's
NOT_ROWS = ("label", "labels", "timestamp", "timestamps", "metrics", "columns", "names")
ACCEPTED = "one array, or several of which one is called {role} or " + ", ".join(PLAIN[:-2])


def read_rows(file: Path, role: Role) -> NDArray[np.float64]:
    """Rows x metrics of a file: the array named after the role, else one with a plain name, else the only one.

    Raises Invalid, saying what the file has and what is accepted.
    """
    arrays = _load(file)
    for name in (role, *PLAIN):
        if name in arrays:
            return as_rows(arrays[name], f"{name} in {file}")
    others = {k: v for k, v in arrays.items() if k not in NOT_ROWS}
    if len(others) == 1:
        ((name, only),) = others.items()
        return as_rows(only, f"{name} in {file}")
    raise Invalid(
        f"{file} holds {', '.join(sorted(arrays)) or 'nothing'}: expected {ACCEPTED.format(role=role)}"
    )


def _load(file: Path) -> dict[str, NDArray[np.generic]]:
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"array": loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except FileNotFoundError as e:
        raise Invalid(f"there is no file {file}") from e
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise Invalid(f"cannot read {file} as .npz or .npy: {e}; write it with numpy.savez") from e
