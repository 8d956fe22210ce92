"""Training from end to end on a part of the text: it saves what can be served, repeats itself, and hides no defeat."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.classifier import FailureClassifier
from models.taxonomy import LABELS
from models.training import candidates, classifier, generate
from models.training.candidates import CANDIDATES, SERVED
from models.training.corpus import families
from models.training.design import Design, build
from suture.domain.failure import Failure


@pytest.fixture(scope="module")
def design() -> Design:
    return build([e for e in generate.examples(2) if e.family % 15 == 0])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twelfth of the families, and only a simple and the served candidate."""
    made = [e for e in generate.examples(2) if e.family % 12 == 0]
    monkeypatch.setattr(generate, "examples", lambda: made)
    monkeypatch.setattr(
        classifier, "CANDIDATES", [c for c in CANDIDATES if c.name in (SERVED, "naive Bayes, words")]
    )


def test_it_trains_the_same_twice_and_what_it_saves_is_served(small: None, tmp_path: Path) -> None:
    metrics = [classifier.train(tmp_path / name) for name in ("one", "other")]
    assert metrics[0] == metrics[1]
    for suffix in ("json", "safetensors"):
        files = [(tmp_path / name / f"classifier.{suffix}").read_bytes() for name in ("one", "other")]
        assert files[0] == files[1]
    model = FailureClassifier.open(tmp_path / "one")
    assert model.classify(Failure("x509: certificate has expired")).label == "certificate_expiration"
    assert set(metrics[0]["candidates"]) == {SERVED, "naive Bayes, words"}


def test_a_lost_comparison_is_told(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "choose", lambda compared: "naive Bayes, words")
    with pytest.raises(classifier.LostError, match="naive Bayes, words is better"):
        classifier.train(tmp_path)


def test_the_simpler_one_wins_a_tie() -> None:
    def figures(value: float) -> dict[str, Any]:
        return {"by_family": {"macro_f1": value}, "all_modalities": {"macro_f1": value}}

    simple, rich = CANDIDATES[1].name, CANDIDATES[-1].name
    assert classifier.choose({simple: figures(0.800), rich: figures(0.805)}) == simple
    assert classifier.choose({simple: figures(0.800), rich: figures(0.830)}) == rich


def test_served_scores_are_the_trained_ones(design: Design) -> None:
    """The layer in numpy gives what scikit-learn gave, but for half precision."""
    linear = candidates.Linear(design, candidates.MODALITIES, candidates.machine())
    model = FailureClassifier(classifier.tensors(linear), classifier.describe(1.0, 0.5, {}))
    made = [e for e in generate.examples(2) if e.family % 15 == 0][:60]
    answers = [model.classify(e.failure).label for e in made]
    expected = linear.scores(design).argmax(axis=1)[:60]
    assert np.mean([LABELS.index(a) == e for a, e in zip(answers, expected, strict=True)]) > 0.97


def test_the_network_learns_without_context_and_metadata_too(design: Design) -> None:
    fitted = candidates.fusion(design)
    right = fitted.scores(design.text_only()).argmax(axis=1) == design.labels
    assert right.mean() > 0.8


def test_text_alone_has_neither_context_nor_metadata(design: Design) -> None:
    bare = design.text_only()
    assert bare.context.nnz == 0
    assert len(np.unique(bare.metadata, axis=0)) == 1
    assert (bare.words != design.words).nnz == 0
    assert len(design) == 2 * len([f for i, f in enumerate(families()) if i % 15 == 0])


def test_an_unknown_trainer_says_which_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "models.training", "nonsense"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "classifier" in done.stderr


def test_the_manifest_shows_every_candidate() -> None:
    from models.artifact import ARTIFACTS

    metrics = json.loads((ARTIFACTS / "classifier.json").read_text())["metrics"]
    assert set(metrics["candidates"]) == {c.name for c in CANDIDATES}
    assert metrics["best"] == SERVED
