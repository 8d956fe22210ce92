"""The training text: enough families, the same for one seed, and no family on both sides of a split."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from models.taxonomy import TYPES, FailureType
from models.text import words
from models.training import corpus, generate, noise, slots, validation
from models.training.corpus import families
from tests.models.external import snippets


def test_every_type_has_at_least_sixty_families_and_some_hard_ones() -> None:
    assert min(Counter(f.type for f in families()).values()) >= 60
    assert min(Counter(f.type for f in families() if f.hard).values()) >= 5
    assert {f.type for f in families()} == set(TYPES)


def test_families_are_distinct_even_without_their_slots() -> None:
    bare = Counter(re.sub(r"\{[a-z]+\}|\W+", " ", f.text).lower().strip() for f in families())
    assert [text for text, count in bare.items() if count > 1] == []
    assert len({f.id for f in families()}) == len(families())


def test_no_program_belongs_to_one_type_only_when_it_is_common() -> None:
    kinds: dict[str, set[FailureType]] = {}
    for family in families():
        kinds.setdefault(family.program, set()).add(family.type)
    assert all(len(kinds[p]) >= 6 for p in ("kubernetes", "docker", "npm", "postgresql", "terraform"))


def test_the_generator_repeats_itself_and_changes_with_the_seed() -> None:
    some = families()[::50]
    assert generate.examples(3, seed=4, of=some) == generate.examples(3, seed=4, of=some)
    assert generate.examples(3, seed=4, of=some) != generate.examples(3, seed=5, of=some)


def test_modalities_are_there_and_missing() -> None:
    made = generate.examples(2, of=families()[::10])
    contexts, metadata = ([bool(getattr(e.failure, part)) for e in made] for part in ("context", "metadata"))
    assert 0.2 < np.mean(contexts) < 0.8
    assert 0.2 < np.mean(metadata) < 0.8


def test_every_slot_is_known() -> None:
    draw = random.Random(0)
    left = {
        m
        for f in families()
        for m in re.findall(r"\{(?:n|ip|host|path|pkg|ver|svc)\}", slots.fill(f.text, draw))
    }
    assert left == set()


def test_noise_keeps_the_message() -> None:
    for seed in range(50):
        assert "unmistakable" in noise.around("first\nunmistakable words\nlast", random.Random(seed))


@pytest.mark.parametrize("by", ["family", "program"])
def test_no_group_is_on_both_sides(by: str) -> None:
    made = generate.examples(3)
    groups = np.array([e.family if by == "family" else families()[e.family].program for e in made])
    places = validation.folds(groups)
    assert set(places) == set(range(validation.FOLDS))
    for fold in range(validation.FOLDS):
        assert not set(groups[places == fold]) & set(groups[places != fold])


def test_the_external_snippets_are_not_training_text() -> None:
    known = {" ".join(words(slots.fill(f.text, random.Random(0)))) for f in families()}
    shared = [s for s in snippets() if len(words(s.text)) > 8 and " ".join(words(s.text)) in known]
    assert shared == []


@pytest.mark.parametrize("bad", ["% no colon here", "% linux:", "@ linux run\n", "@ \ntext"])
def test_a_bad_family_names_its_place(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "flaky_tests.txt"
    path.write_text(f"% fine: a message\n{bad}\n")
    with pytest.raises(corpus.CorpusError, match=r"flaky_tests\.txt:2"):
        list(corpus.read(path, FailureType.FLAKY_TESTS))


def test_the_fingerprint_follows_the_version_and_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = generate.fingerprint.__wrapped__
    monkeypatch.setattr(generate, "families", lambda: families()[:20])
    before = fresh()
    assert before == fresh()
    monkeypatch.setattr(generate, "VERSION", "other")
    assert before != fresh()
    monkeypatch.undo()
    monkeypatch.setattr(generate, "families", lambda: families()[1:21])
    assert before != fresh()


def test_the_data_are_small() -> None:
    assert sum(p.stat().st_size for p in corpus.DATA.rglob("*") if p.is_file()) < 2_000_000
