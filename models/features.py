"""Features of a failure: hashed words and character n-grams of its text and context, and metadata with masks.

Hashing needs no vocabulary file and no library: the same text gives the same columns in every process. A word's
columns are remembered, so that a long log costs little more than its distinct words.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.text import words

WORD_BITS: Final = 16
CHARACTER_BITS: Final = 15
CONTEXT_BITS: Final = 12
WORD_COLUMNS: Final = 1 << WORD_BITS
CHARACTER_COLUMNS: Final = 1 << CHARACTER_BITS
CONTEXT_COLUMNS: Final = 1 << CONTEXT_BITS
GRAMS: Final = (3, 4, 5)

Columns = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

STAGES: Final = ("build", "test", "deploy", "run")
EXIT_CODES: Final = (0, 1, 2, 124, 126, 127, 134, 137, 139, 143)
REASONS: Final = (
    "OOMKilled", "Evicted", "ImagePullBackOff", "ErrImagePull", "CrashLoopBackOff", "CreateContainerConfigError",
    "FailedScheduling", "FailedMount", "Unhealthy", "DeadlineExceeded", "Error", "Completed",
)  # fmt: skip
READINGS: Final = ("cpu", "memory", "disk")  # per cent of the limit
METADATA_COLUMNS: Final = len(STAGES) + 1 + len(EXIT_CODES) + 2 + len(REASONS) + 2 + 2 * len(READINGS)


def word_columns(sequence: Sequence[str]) -> Columns:
    """Columns of the single words and of pairs that stand side by side, with repeats; shape (n,)."""
    if not sequence:
        return np.zeros(0, dtype=np.int64)
    found = [_hash(w) for w in sequence]
    found += [_pair(a, b) for a, b in pairwise(sequence)]
    return np.array(found, dtype=np.int64) & (WORD_COLUMNS - 1)


def column_of(term: str) -> int:
    """The column of a word, or of a pair with a space between."""
    return _hash(term) & (WORD_COLUMNS - 1)


def character_columns(sequence: Sequence[str]) -> Columns:
    """Columns of the character 3-, 4- and 5-grams inside the distinct words; shape (n,)."""
    parts = [_grams(w) for w in dict.fromkeys(sequence)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def context_columns(text: str) -> Columns:
    """Columns of the words and pairs of a context; shape (n,)."""
    return word_columns(words(text)) & (CONTEXT_COLUMNS - 1)


def weigh(columns: Columns, rarity: npt.NDArray[np.floating[Any]] | None = None) -> tuple[Columns, Values]:
    """Distinct columns with 1 + ln(count), times the columns' rarity when given, scaled to length 1."""
    distinct, counts = np.unique(columns, return_counts=True)
    values = 1.0 + np.log(counts)
    if rarity is not None:
        values = values * rarity[distinct]
    length = float(np.sqrt(np.dot(values, values)))
    return distinct, values / length if length else values


def metadata_row(metadata: Mapping[str, Any]) -> Values:
    """The metadata as numbers; shape (METADATA_COLUMNS,). What is missing or not understood sets its mask column, and
    nothing else, so that absence is not read as zero."""
    return np.array(
        [
            *_one_of(str(metadata.get("stage") or ""), STAGES),
            *_exit_code(metadata.get("exit_code")),
            *_one_of(str(metadata.get("reason") or ""), REASONS, other=True),
            *(x for name in READINGS for x in _reading(metadata.get(name))),
        ]
    )


def _one_of(value: str, known: Sequence[str], other: bool = False) -> list[float]:
    row = [float(value == k) for k in known]
    if other:
        row.append(float(bool(value) and value not in known))
    return [*row, float(not value or (not other and value not in known))]


def _exit_code(value: Any) -> list[float]:
    code = int(value) if isinstance(value, int | str) and str(value).lstrip("-").isdecimal() else None
    row = [float(code == k) for k in EXIT_CODES]
    return [*row, float(code is not None and code not in EXIT_CODES), float(code is None)]


def _reading(value: Any) -> tuple[float, float]:
    number = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    return (min(max(number, 0.0), 100.0) / 100.0, 0.0) if number is not None else (0.0, 1.0)


@lru_cache(maxsize=200_000)
def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


@lru_cache(maxsize=200_000)
def _pair(first: str, second: str) -> int:
    return zlib.crc32(f"{first} {second}".encode())


@lru_cache(maxsize=50_000)
def _grams(word: str) -> Columns:
    if len(word) < 3:
        return np.zeros(0, dtype=np.int64)
    edged = f"<{word}>"
    found = {edged[i : i + n] for n in GRAMS for i in range(len(edged) - n + 1)}
    return np.array(sorted(_hash(g) & (CHARACTER_COLUMNS - 1) for g in found), dtype=np.int64)
