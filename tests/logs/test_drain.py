"""The parse tree: what holds for any messages, and what it does with those of real programs' forms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.logs.drain import WILD, Drain, is_word
from models.logs.evaluation import grouping_accuracy
from models.logs.header import read
from models.logs.masks import mask
from models.logs.synthetic import FORMS, lines

TOKENS = st.lists(
    st.sampled_from(["open", "close", "file", "a1", "b2", "c3", "user", WILD, "x"]), min_size=1, max_size=6
)


@given(st.lists(TOKENS, max_size=60), st.floats(0.1, 1.0), st.integers(2, 5))
@settings(deadline=None)
def test_every_message_fits_its_template(messages: list[list[str]], similarity: float, variants: int) -> None:
    drain = Drain(similarity=similarity, variants=variants)
    groups = [drain.add(m) for m in messages]
    for message, group in zip(messages, groups, strict=True):
        template = group.current.tokens
        assert len(template) == len(message)
        assert all(mine in (theirs, WILD) for mine, theirs in zip(template, message, strict=True))
    assert sum(g.count for g in drain.groups()) == len(messages)
    assert {g.current.id for g in groups} == {g.id for g in drain.groups()}


@given(st.lists(TOKENS, max_size=80), st.integers(1, 5), st.integers(1, 3))
@settings(deadline=None)
def test_memory_is_bounded(messages: list[list[str]], most: int, leaf: int) -> None:
    drain = Drain(max_groups=most, max_leaf=leaf)
    for message in messages:
        group = drain.add(message)
        assert group in drain.groups()
        assert drain.again(group) is group
    assert len(drain.groups()) <= most
    assert sum(len(groups) for groups in drain._leaves.values()) == len(drain.groups())


@given(st.lists(TOKENS, min_size=1, max_size=40))
@settings(deadline=None)
def test_the_same_message_again_founds_no_group(messages: list[list[str]]) -> None:
    drain = Drain()
    for message in messages:
        drain.add(message)
        before = len(drain.groups())
        assert drain.add(message).current in drain.groups()
        assert len(drain.groups()) == before


def test_words_become_a_wildcard_only_when_many_differ() -> None:
    drain = Drain()
    for word in ("attached", "detached"):
        drain.add(["volume", WILD, word, "to", "node"])
    assert len(drain.groups()) == 2
    for user in ("anna", "ben", "carla", "dmitri", "eva"):
        group = drain.add(["user", user, "logged", "in"])
    assert group.current.template == "user <*> logged in"
    assert group.current.count == 5


def test_a_forgotten_group_is_not_counted_again() -> None:
    drain = Drain(max_groups=1)
    first = drain.add(["one"])
    drain.add(["two", "words"])
    assert drain.again(first) is None


@pytest.mark.parametrize("form", list(FORMS))
def test_groups_are_the_templates_of_the_programs(form: str) -> None:
    made = list(lines(1500, form))
    drain = Drain()
    groups = [drain.add(mask(read(text).text).split()) for text, _ in made]
    assert grouping_accuracy([g.current.id for g in groups], [name for _, name in made]) >= 0.95


@pytest.mark.parametrize("wrong", [{"similarity": 0}, {"similarity": 1.5}, {"depth": 0}, {"variants": 1}])
def test_absurd_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Drain"):
        Drain(**wrong)  # type: ignore[arg-type]


def test_what_a_word_is() -> None:
    assert [is_word(t) for t in ("open", "a1", "x=<*>", "(done)")] == [True, False, False, True]
