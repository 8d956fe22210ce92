"""The words by which a person tells the types of failure apart: a list of cues per type.

Alone they are the baseline that a trained model has to beat. As features they carry what no training text can hold in
full: that a rule spoken of as expired is not a certificate, or that a second try which passed makes a test flaky.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from models.taxonomy import LABELS
from models.text import telling

FILE: Final = Path(__file__).with_name("cues.txt")


def _read() -> dict[str, list[str]]:
    """The cues of each type, in the order of the taxonomy. Raises KeyError for a type that has none."""
    sections: dict[str, list[str]] = {}
    kind = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line[1:-1] in LABELS:
            kind = line[1:-1]
        elif line and not line.startswith("#"):
            sections.setdefault(kind, []).append(line)
    return {label: sections[label] for label in LABELS}


_OF_TYPE: Final = _read()
CUES: Final = tuple(cue for cues in _OF_TYPE.values() for cue in cues)
_OWNER: Final = np.repeat(np.arange(len(LABELS)), [len(cues) for cues in _OF_TYPE.values()])


@lru_cache(maxsize=1)
def _compiled() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(c) for c in CUES)


def cue_row(text: str) -> npt.NDArray[np.float64]:
    """Which cues the text holds; shape (len(CUES),)."""
    low = telling(text).lower()
    return np.array([float(c.search(low) is not None) for c in _compiled()])


def found(text: str) -> list[tuple[int, str]]:
    """The number of each cue that the text holds, with the words that matched."""
    low = telling(text).lower()
    matches = ((i, c.search(low)) for i, c in enumerate(_compiled()))
    return [(i, " ".join(m[0].split())[:60]) for i, m in matches if m]


def vote(row: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How many cues of each type were found, as a share that sums to 1; shape (16,). The keyword list as a classifier."""
    counts = np.bincount(_OWNER, weights=row, minlength=len(LABELS)) + 1e-3
    return np.asarray(counts / counts.sum())
