"""Examples as matrices, one block a modality, so that candidates choose which to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models import features
from models.cues import CUES, cue_row
from models.text import words
from models.training.corpus import families
from models.training.generate import Example

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Design:
    """n examples. Words and characters are 1 + ln(count), not yet scaled; all other blocks are as they are served."""

    words: Any  # csr (n, WORD_COLUMNS)
    characters: Any  # csr (n, CHARACTER_COLUMNS)
    cues: Any  # csr (n, cues)
    context: Any  # csr (n, CONTEXT_COLUMNS)
    metadata: Floats  # (n, METADATA_COLUMNS)
    labels: Integers
    families: Integers
    programs: npt.NDArray[np.str_]
    hard: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Integers) -> Design:
        """Some of the examples."""
        return Design(**{name: block[chosen] for name, block in vars(self).items()})

    def text_only(self) -> Design:
        """The same examples as if context and metadata had not been seen."""
        blank = np.tile(features.metadata_row({}), (len(self), 1))
        return replace(self, context=sparse.csr_matrix(self.context.shape), metadata=blank)


def build(examples: Sequence[Example]) -> Design:
    """The matrices of examples."""
    sequences = [words(e.failure.text) for e in examples]
    programs = [families()[e.family].program for e in examples]
    return Design(
        words=_counts([features.word_columns(s) for s in sequences], features.WORD_COLUMNS),
        characters=_counts([features.character_columns(s) for s in sequences], features.CHARACTER_COLUMNS),
        cues=sparse.csr_matrix(np.array([cue_row(e.failure.text) for e in examples]).reshape(-1, len(CUES))),
        context=scaled(
            _counts([features.context_columns(e.failure.context) for e in examples], features.CONTEXT_COLUMNS)
        ),
        metadata=np.array([features.metadata_row(e.failure.metadata) for e in examples]),
        labels=np.array([e.label for e in examples]),
        families=np.array([e.family for e in examples]),
        programs=np.array(programs),
        hard=np.array([e.hard for e in examples]),
    )


def rarity(counts: Any) -> Floats:
    """1 + ln((1 + n) / (1 + examples that have the column)); shape (columns,)."""
    seen = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + seen)) + 1.0)


def scaled(counts: Any, weights: Floats | None = None) -> Any:
    """Rows times column weights, at length 1."""
    weighed = counts.copy().tocsr()
    if weights is not None:
        weighed.data = weighed.data * weights[weighed.indices]
    lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.where(lengths > 0, lengths, 1.0)) @ weighed


def _counts(columns: Sequence[features.Columns], width: int) -> Any:
    found = [np.unique(c, return_counts=True) for c in columns]
    ends = np.cumsum([0, *(len(distinct) for distinct, _ in found)])
    indices = np.concatenate([distinct for distinct, _ in found])
    data = np.concatenate([1.0 + np.log(counts) for _, counts in found])
    return sparse.csr_matrix((data, indices, ends), shape=(len(found), width))
