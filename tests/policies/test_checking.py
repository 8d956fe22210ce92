"""The types of rules: every mistake is found in whichever branch it stands, and nothing that could be answered is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.checking import names, problem
from policies.context import context, described
from policies.expressions import Expression, ExpressionError
from policies.rules import load_policy
from suture.domain.errors import Invalid
from tests.policies.facts import facts


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("plan.reversible || plan.actions.all(a, a.replcas < 3)", "did you mean replicas"),
        ("plan.actions.filter(a, a.kind == 'scale').all(b, b.object.nme == '')", "b.object has no nme"),
        ("plan.actions[0].kindd == 'scale'", "did you mean kind"),
        ("plan['reversable']", "plan has no reversable"),
        ("has(plan.foo)", "plan has no foo"),
        ("plan.actions.map(a, a.replicas).exists(n, n > 'a')", "an int cannot be compared with a string"),
        ("true ? plan.x : false", "plan has no x"),
        ("size(plan.actions) > 'x'", "an int cannot be compared with a string"),
        ("time.hour < 6 && time.weekday == 'monday'", "did you mean mon"),
        ("incident.severity in ['high', 'crit']", "never 'crit'"),
        ("plan.size in ['a']", "an int is never in a list of string"),
        ("target.name.startsWith(3)", "startsWith works on strings"),
        ("target.name.startswith('a')", "did you mean startsWith"),
        ("plan.size", "a condition is true or false, and this is an int"),
        ("plan.reversible && target.name", "&& joins conditions"),
        ("plan.actions.exists(a, a.object)", "exists needs a condition"),
        ("target.name + 1 == 'a1'", "is not possible"),
        ("plan.actions", "this is a list of object"),
        ("lower(target.name) == 'a'", "there is no function lower"),
        ("plan.actions.exists(a, b.kind == 'scale')", "there is nothing called b"),
        ("(plan.reversible", "')' is missing"),
        ("plan.reversible\n  && plan.risky", "line 2, column 11"),
    ],
)
def test_mistakes_are_told(when: str, told: str) -> None:
    assert told in (problem(when, described()) or "")


GOOD = [
    "plan.actions.all(a, a.kind == 'scale' && a.replicas <= 5)",
    "plan.actions.exists(plan, plan.kind == 'scale')",
    "plan.actions.exists(a, has(a.limits) && 'memory' in a.limits && a.limits.memory == '1Gi')",
    "plan.actions.exists(a, a.kind == 'patch' && a.body.spec.replicas == 3)",
    "plan.actions.exists_one(a, a.object.kind == 'Node')",
    "plan.actions.map(a, a.kind == 'scale', a.replicas).all(n, n < 100)",
    "time.weekday in ['sat', 'sun'] || time.hour >= 22 || time.hour < 6",
    "governor.frozen == '' ? plan.reversible : false",
    "hypothesis.confidence >= 0.9 && route.score > 0.5 && route.score * 2.0 < 3.0",
    "target.namespace.matches('^shop-[a-z]+$') || target.name.contains(\"web\")",
    "size(plan.actions) == plan.size && !(plan.risk == 'high')",
    "plan.actions.all(a, a.reach.unhealthy_share_after < 0.5 && a.reach.managed_by == '')",
    "string(plan.size) + 'x' == '1x' && double(plan.size) > 0.5",
    "timestamp(time.date + 'T00:00:00Z').getFullYear() > 2020",
    "{'a': 1}['a'] == 1 && [1, 2][0] == 1 && -1 < 0 && r'\\d' != ''",
    "incident.failure_type == 'crash_loop' // why not\n && true",
    "actor == '' && dyn(1) == 1 && type(1) == int",
]


@pytest.mark.parametrize("when", GOOD)
def test_what_can_be_answered_is_taken_and_answered(when: str) -> None:
    assert problem(when, described()) is None
    assert Expression(when).test(context(facts())) in (True, False)


def test_the_description_fits_every_context() -> None:
    """Whatever a decision is made from has exactly the members that are described."""
    made = context(facts())
    assert set(made) == set(described())
    for name, value in made.items():
        members = getattr(described()[name], "members", None)
        assert members is None or set(members) == set(value)


_atoms = st.sampled_from(
    ["plan.reversible", "plan.size > 0", "target.name == 'web'", "time.hour < 6", "plan.risk == 'low'", "true",
     "plan.actions.exists(a, a.disrupts)", "hypothesis.confidence > 0.5", "'x' in ['x']", "governor.storm != ''"]
)  # fmt: skip
_conditions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("{} || ({})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(_conditions)
def test_what_is_taken_never_fails(when: str) -> None:
    assert problem(when, described()) is None
    Expression(when).test(context(facts()))


@given(st.text(alphabet="plan.size()[]{}'\"\\=<>!&|?:+-*/% ,01ax", max_size=40))
def test_any_text_gets_an_answer_and_nothing_is_stricter_than_the_library_about_grammar(text: str) -> None:
    found = problem(text, described())
    try:
        Expression(text)
    except ExpressionError:
        return
    assert found is None or isinstance(found, str)


def test_names_are_the_paths_that_are_spoken_of() -> None:
    assert names("plan.risk == 'x' && plan.actions.all(a, a.kind == incident.severity)") == [
        "plan.risk",
        "plan.actions",
        "incident.severity",
    ]


def test_the_line_of_the_condition_is_named(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "version: 1\nname: x\nrules:\n- name: a\n  effect: approve\n  when: plan.reversable\n- name: b\n  whn: 'true'\n"
    )
    with pytest.raises(Invalid) as refused:
        load_policy(file)
    told = str(refused.value)
    assert "line 6: rules.0.when" in told
    assert "did you mean reversible" in told
    assert "line 8: rules.1.whn" in told
