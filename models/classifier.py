"""The failure classifier as it is served: one linear layer over the features, in numpy, calibrated.

It is what won under grouped cross-validation (models/training/classifier.py); its figures are in its manifest.
"""

from __future__ import annotations

import heapq
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models import features
from models.artifact import ARTIFACTS, BadArtifact, Tensors, load
from models.cues import CUES, cue_row, found
from models.taxonomy import LABELS
from models.text import words
from suture.domain.failure import Failure, FailureClass

NAME: Final = "classifier"
SHAPES: Final = {
    "word_weights": (features.WORD_COLUMNS, len(LABELS)),
    "character_weights": (features.CHARACTER_COLUMNS, len(LABELS)),
    "cue_weights": (len(CUES), len(LABELS)),
    "context_weights": (features.CONTEXT_COLUMNS, len(LABELS)),
    "metadata_weights": (features.METADATA_COLUMNS, len(LABELS)),
    "word_rarity": (features.WORD_COLUMNS,),
    "character_rarity": (features.CHARACTER_COLUMNS,),
    "bias": (len(LABELS),),
}
_WORDS_SHOWN: Final = 6
Scores = npt.NDArray[np.float32]


class FailureClassifier:
    """Implements suture.ports.Classifier."""

    def __init__(self, tensors: Tensors, manifest: dict[str, Any]) -> None:
        """Raises BadArtifact when the tensors are not those of this version of the features."""
        wrong = [k for k, shape in SHAPES.items() if k not in tensors or tensors[k].shape != shape]
        if wrong or tuple(manifest.get("labels", ())) != LABELS:
            raise BadArtifact(
                f"the model {NAME} does not fit this version ({', '.join(wrong) or 'labels'}); "
                f"train it anew with `python -m models.training {NAME}`"
            )
        self._tensors = {k: v.astype(np.float32) for k, v in tensors.items()}
        self._sharpness = float(manifest["sharpness"])
        self._threshold = float(manifest["threshold"])
        self.version = str(manifest["version"])

    @classmethod
    def open(cls, folder: Path = ARTIFACTS) -> FailureClassifier:
        """The shipped model. Raises BadArtifact."""
        return cls(*load(NAME, folder))

    def classify(self, failure: Failure, explain: bool = False) -> FailureClass:
        sequence = words(failure.text)
        scores = self._scores(failure, sequence)
        chances = softmax(self._sharpness * scores.astype(np.float64))
        best = int(chances.argmax())
        return FailureClass(
            label=LABELS[best],
            probabilities=dict(zip(LABELS, chances.tolist(), strict=True)),
            abstained=not sequence or float(chances[best]) < self._threshold,
            words=self._deciding(failure.text, sequence, best) if explain else (),
        )

    def _scores(self, failure: Failure, sequence: list[str]) -> Scores:
        """One score per type: the bias and what each block of features adds; shape (16,)."""
        t = self._tensors
        scores = (
            t["bias"] + features.metadata_row(failure.metadata).astype(np.float32) @ t["metadata_weights"]
        )
        if sequence:
            scores += self._block("word", features.word_columns(sequence))
            scores += self._block("character", features.character_columns(sequence))
            scores += cue_row(failure.text).astype(np.float32) @ t["cue_weights"]
        if failure.context:
            columns, values = features.weigh(features.context_columns(failure.context))
            scores += values.astype(np.float32) @ t["context_weights"][columns]
        return np.asarray(scores, dtype=np.float32)

    def _block(self, name: str, columns: features.Columns) -> Scores:
        distinct, values = features.weigh(columns, self._tensors[f"{name}_rarity"])
        return np.asarray(values.astype(np.float32) @ self._tensors[f"{name}_weights"][distinct])

    def _deciding(self, text: str, sequence: list[str], best: int) -> tuple[tuple[str, float], ...]:
        """What spoke most for the label, against the mean of all types: single words, pairs and cues."""
        t = self._tensors
        if not sequence:
            return ()
        weights = t["word_weights"]
        columns, values = features.weigh(features.word_columns(sequence), t["word_rarity"])
        worth = dict(
            zip(columns.tolist(), (values * _advantage(weights[columns], best)).tolist(), strict=True)
        )
        terms = Counter(sequence) + Counter(map(" ".join, pairwise(sequence)))
        shares = {w: worth[features.column_of(w)] for w in terms}
        cues = _advantage(t["cue_weights"], best)
        shares |= {phrase: shares.get(phrase, 0.0) + float(cues[i]) for i, phrase in found(text)}
        chosen = heapq.nlargest(_WORDS_SHOWN, shares.items(), key=lambda s: s[1])
        return tuple((w, round(s, 3)) for w, s in chosen if s > 0)


def softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities of scores, along the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _advantage(weights: Scores, best: int) -> Scores:
    return np.asarray(weights[:, best] - weights.mean(axis=1))
