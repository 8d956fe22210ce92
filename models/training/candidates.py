"""The classifiers that compete, simplest first. Each learns from a design and then gives scores of shape (n, 16)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from scipy import sparse

from models.cues import vote
from models.taxonomy import LABELS
from models.training.design import Design, Floats, rarity, scaled

CUE_SCALE, CONTEXT_SCALE, METADATA_SCALE = 0.25, 0.3, 0.15


class Fitted(Protocol):
    """A candidate that has learned."""

    def scores(self, design: Design) -> Floats: ...


@dataclass(frozen=True)
class Candidate:
    """`fit` learns; `simplicity` breaks ties: the lower, the simpler."""

    name: str
    simplicity: int
    fit: Callable[[Design], Fitted]


class Keywords:
    """The list of cues alone; learns nothing."""

    def __init__(self, _: Design) -> None: ...

    def scores(self, design: Design) -> Floats:
        return np.log(np.array([vote(row) for row in design.cues.toarray()]))


class Linear:
    """One linear layer over chosen blocks, by scikit-learn; keeps the rarities of its own training rows."""

    def __init__(self, design: Design, blocks: Sequence[str], model: Any, balanced: bool = True) -> None:
        self.blocks = blocks
        self.word_rarity = rarity(design.words)
        self.character_rarity = rarity(design.characters)
        self.model = model
        weights = np.bincount(design.labels, minlength=len(LABELS))
        weight = len(design) / (len(LABELS) * weights[design.labels]) if balanced else None
        self.model.fit(self.matrix(design), design.labels, sample_weight=weight)

    def matrix(self, design: Design) -> Any:
        """The chosen blocks side by side, each at its scale."""
        return sparse.hstack([self._block(design, name) for name in self.blocks]).tocsr()

    def _block(self, design: Design, name: str) -> Any:
        if name == "words":
            return scaled(design.words, self.word_rarity)
        if name == "characters":
            return scaled(design.characters, self.character_rarity)
        if name == "cues":
            return design.cues * CUE_SCALE
        if name == "context":
            return design.context * CONTEXT_SCALE
        return sparse.csr_matrix(design.metadata * METADATA_SCALE)

    def scores(self, design: Design) -> Floats:
        matrix = self.matrix(design)
        if hasattr(self.model, "decision_function"):
            return np.asarray(self.model.decision_function(matrix))
        return np.asarray(self.model.predict_log_proba(matrix))


def machine() -> Any:
    """A linear support vector machine, one against the rest."""
    from sklearn.svm import LinearSVC

    return LinearSVC(C=0.3, tol=1e-2, random_state=0)


def regression() -> Any:
    """Multinomial logistic regression, stopped early."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    warnings.simplefilter("ignore", ConvergenceWarning)
    return LogisticRegression(C=10.0, tol=1e-3, max_iter=60)


def naive() -> Any:
    """Multinomial naive Bayes."""
    from sklearn.naive_bayes import MultinomialNB

    return MultinomialNB(alpha=0.05)


def _linear(blocks: Sequence[str], make: Callable[[], Any]) -> Callable[[Design], Linear]:
    return lambda design: Linear(design, blocks, make())


def fusion(design: Design) -> Fitted:
    """The torch network over all modalities."""
    from models.training.fusion import Fusion

    return Fusion(design)


MODALITIES: Final = ("words", "characters", "cues", "context", "metadata")
SERVED: Final = "support vectors, all modalities"
CANDIDATES: Final = (
    Candidate("keyword list", 0, Keywords),
    Candidate("naive Bayes, words", 1, _linear(("words",), naive)),
    Candidate("logistic regression, words", 2, _linear(("words",), regression)),
    Candidate("support vectors, words", 2, _linear(("words",), machine)),
    Candidate("support vectors, characters", 2, _linear(("characters",), machine)),
    Candidate("support vectors, words and characters", 3, _linear(("words", "characters"), machine)),
    Candidate("support vectors, words, characters and cues", 4, _linear(MODALITIES[:3], machine)),
    Candidate(SERVED, 5, _linear(MODALITIES, machine)),
    Candidate("torch fusion network", 6, fusion),
)
