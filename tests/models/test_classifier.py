"""The served classifier: the shipped artefact, its contract, what it refuses, and how good it must stay."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import artifact, classifier
from models.artifact import ARTIFACTS, BadArtifact
from models.classifier import FailureClassifier
from models.cues import cue_row, vote
from models.taxonomy import LABELS
from models.training import generate, validation
from suture.domain.failure import Failure
from suture.ports import Classifier
from tests.models.external import snippets

MODEL = FailureClassifier.open()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped artefact where a test may spoil it."""
    for suffix in ("json", "safetensors"):
        shutil.copy(ARTIFACTS / f"{classifier.NAME}.{suffix}", tmp_path)
    return tmp_path


def test_it_is_the_port() -> None:
    port: Classifier = MODEL
    found = port.classify(Failure("write /data/x: no space left on device"))
    assert found.label == "storage_issues"
    assert not found.abstained


def test_the_artefact_was_made_from_this_data() -> None:
    manifest = json.loads((ARTIFACTS / "classifier.json").read_text())
    assert manifest["data_sha256"] == generate.fingerprint(), (
        "train anew: python -m models.training classifier"
    )
    assert tuple(manifest["labels"]) == LABELS
    assert (ARTIFACTS / "classifier.safetensors").stat().st_size < 5_000_000


def test_probabilities_are_over_all_types_and_sum_to_one() -> None:
    found = MODEL.classify(Failure("panic: runtime error: index out of range"))
    assert tuple(found.probabilities) == LABELS
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.label == max(found.probabilities, key=found.probabilities.__getitem__) == found.top(3)[0]
    assert found.confidence == found.probabilities[found.label]


def test_it_names_the_words_that_decided() -> None:
    found = MODEL.classify(Failure("Starting app\nx509: certificate has expired\nStopping app"), explain=True)
    assert found.label == "certificate_expiration"
    named = " ".join(word for word, _ in found.words)
    assert "expired" in named
    assert "certificate" in named
    assert "starting" not in named
    assert all(share > 0 for _, share in found.words)
    assert MODEL.classify(Failure("certificate has expired")).words == ()


def test_without_anything_to_go_by_it_abstains() -> None:
    for text in ("", "   \n\t", "\x00\x01\x02" * 100, "…………", "—" * 5000):
        found = MODEL.classify(Failure(text), explain=True)
        assert found.abstained
        assert found.label in LABELS
        assert sum(found.probabilities.values()) == pytest.approx(1.0)


def test_it_abstains_when_unsure() -> None:
    assert MODEL.classify(Failure("something happened here")).abstained


@pytest.mark.parametrize(
    "text",
    [
        "a" * 3_000_000,
        "\x1b[31m" * 50_000,
        bytes(range(256)).decode("latin-1") * 500,
        "\ud800 error",
        "{" * 100_000,
        "( " * 90_000,
    ],
)
def test_any_text_gets_an_answer(text: str) -> None:
    found = MODEL.classify(Failure(text, context=text), explain=True)
    assert np.isfinite(list(found.probabilities.values())).all()


@settings(max_examples=50)
@given(
    st.text(),
    st.text(),
    st.dictionaries(
        st.sampled_from(["stage", "exit_code", "reason", "cpu"]), st.none() | st.floats() | st.text()
    ),
)
def test_anything_gets_an_answer(text: str, context: str, metadata: dict[str, object]) -> None:
    found = MODEL.classify(Failure(text, context, metadata))
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


def test_metadata_and_context_count() -> None:
    bare = MODEL.classify(Failure("process was terminated"))
    told = MODEL.classify(
        Failure("process was terminated", metadata={"exit_code": 137, "reason": "OOMKilled", "memory": 99})
    )
    assert told.probabilities["resource_exhaustion"] > bare.probabilities["resource_exhaustion"]
    shown = MODEL.classify(Failure("process was terminated", context="privileged: true\nsecurityContext:"))
    assert shown.probabilities != bare.probabilities


def test_a_missing_artefact_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadArtifact, match=r"python -m models\.training classifier"):
        FailureClassifier.open(tmp_path)


def test_a_changed_file_is_refused(copy: Path) -> None:
    path = copy / "classifier.safetensors"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadArtifact, match="SHA-256"):
        FailureClassifier.open(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "classifier"}', b"\xff\xfe"])
def test_a_bad_manifest_is_refused(copy: Path, content: bytes) -> None:
    (copy / "classifier.json").write_bytes(content)
    with pytest.raises(BadArtifact):
        FailureClassifier.open(copy)


def test_numbers_that_are_none_are_refused(copy: Path) -> None:
    tensors, manifest = artifact.load("classifier")
    tensors["bias"] = np.full_like(tensors["bias"], np.nan)
    artifact.save("classifier", tensors, manifest, copy)
    with pytest.raises(BadArtifact, match="finite"):
        FailureClassifier.open(copy)


def test_another_shape_or_taxonomy_is_refused(copy: Path) -> None:
    tensors, manifest = artifact.load("classifier")
    artifact.save("classifier", tensors | {"bias": tensors["bias"][:3]}, manifest, copy)
    with pytest.raises(BadArtifact, match="bias"):
        FailureClassifier.open(copy)
    artifact.save("classifier", tensors, manifest | {"labels": list(LABELS[::-1])}, copy)
    with pytest.raises(BadArtifact, match="labels"):
        FailureClassifier.open(copy)


def test_what_is_no_tensor_file_is_refused(copy: Path) -> None:
    import hashlib

    content = b"\x80\x04pickle"
    (copy / "classifier.safetensors").write_bytes(content)
    manifest = json.loads((copy / "classifier.json").read_text()) | {
        "sha256": hashlib.sha256(content).hexdigest()
    }
    (copy / "classifier.json").write_text(json.dumps(manifest))
    with pytest.raises(BadArtifact, match="cannot be read"):
        FailureClassifier.open(copy)


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    tensors, manifest = artifact.load("classifier")
    for name in ("a", "b"):
        artifact.save("classifier", tensors, manifest, tmp_path / name)
    for suffix in ("json", "safetensors"):
        assert (tmp_path / "a" / f"classifier.{suffix}").read_bytes() == (
            ARTIFACTS / f"classifier.{suffix}"
        ).read_bytes()


def test_on_snippets_it_never_saw_it_beats_the_keyword_list() -> None:
    known = snippets()
    labels = np.array([LABELS.index(s.label) for s in known])
    hard = np.array([s.hard for s in known])
    answers = np.array([list(MODEL.classify(Failure(s.text)).probabilities.values()) for s in known])
    figures = validation.judge(answers, labels, hard)
    keywords = validation.judge(np.array([vote(cue_row(s.text)) for s in known]), labels, hard)
    assert figures["macro_f1"] >= max(0.85, keywords["macro_f1"] + 0.05)
    assert figures["hard_macro_f1"] >= max(0.70, keywords["hard_macro_f1"])
    assert figures["top3"] >= 0.95


def test_serving_loads_nothing_that_trains() -> None:
    program = (
        "import sys\nfrom models.classifier import FailureClassifier\nFailureClassifier.open()\n"
        "assert not {'torch', 'sklearn', 'scipy', 'yaml', 'pydantic'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
