"""Whose turn it is: decision tables, and what holds for every queue whatsoever."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import governor
from policies.governor import Place, Used
from policies.limits import Limits
from suture.domain.governor import AdmissionState, Standing, Switch, SwitchKind
from suture.domain.stages import Severity
from tests.governor.turns import START, after, facts, limits, place, turn

GRANTED, WAIT, ASK, STOPPED = AdmissionState


def answer(of: Limits, asked: Any, known: Any) -> tuple[AdmissionState, str]:
    admission, _ = governor.begin(of, known, asked, place(of, asked, since=10))
    return admission.state, "; ".join(admission.reasons)


FROZEN, STORM = Standing(frozen="release week"), Standing(storm="61 incidents")
MAINTENANCE, STOP = Standing(maintenance="upgrade"), Standing(stopped="stop by ann")


@pytest.mark.parametrize(
    ("stands", "by_person", "undo", "state"),
    [
        (Standing(), False, False, GRANTED),
        (FROZEN, False, False, ASK),
        (FROZEN, True, False, GRANTED),
        (FROZEN, False, True, GRANTED),
        (STORM, False, False, ASK),
        (STORM, True, False, GRANTED),
        (MAINTENANCE, False, False, ASK),
        (MAINTENANCE, True, False, GRANTED),
        (STOP, False, False, STOPPED),
        (STOP, True, False, STOPPED),
        (STOP, False, True, STOPPED),
    ],
)
def test_what_holds_whom_back(stands: Standing, by_person: bool, undo: bool, state: AdmissionState) -> None:
    of = limits()
    asked = turn("web", by_person=by_person, undo=undo)
    assert answer(of, asked, facts(standing=stands))[0] is state
    goes_on = governor.proceed(facts(standing=stands), asked, 5)
    assert (goes_on.state if goes_on else GRANTED) is state


def test_one_holder_for_each_target_and_each_object_it_touches() -> None:
    of = limits()
    holder = place(of, turn("api", objects=["Node/n1"]), held=True)
    assert (
        answer(of, turn("api", incident="2"), facts([place(of, turn("api", namespace="shop"), held=True)]))[0]
        is WAIT
    )
    state, why = answer(of, turn("web", objects=["Node/n1"]), facts([holder]))
    assert (state, why) == (WAIT, "default/Node/n1 is in the hands of incident/default/shop/deployment/api")
    assert answer(of, turn("web", objects=["Node/n2"]), facts([holder]))[0] is GRANTED
    assert answer(of, turn("web", objects=["Node/n1"], by_person=True), facts([holder]))[0] is WAIT


def test_no_more_act_at_once_than_allowed() -> None:
    of = limits(concurrency={"total": 3, "per_namespace": 2})
    two = [place(of, turn(n), held=True) for n in ("a", "b")]
    assert answer(of, turn("c"), facts(two)) == (WAIT, "2 incidents act in default/shop already")
    assert answer(of, turn("c", namespace="blog"), facts(two))[0] is GRANTED
    three = [*two, place(of, turn("d", namespace="blog"), held=True)]
    assert answer(of, turn("e", namespace="wiki"), facts(three)) == (WAIT, "3 incidents act already")


def test_a_used_up_rate_says_when_to_come_back() -> None:
    of = limits(rates=[{"per": "kind", "at_most": 2, "seconds": 60}])
    known = facts(at=30, used={"rate:kind:60:scale": Used(2, after(40))})
    admission, waiting = governor.begin(of, known, turn("web"), place(of, turn("web"), since=30))
    assert (admission.state, admission.retry_seconds) == (WAIT, 10)
    assert (set(waiting.blocked), waiting.not_before) == ({"rate:kind:60:scale"}, after(40))
    assert answer(of, turn("web", kinds=["restart_rollout"]), known)[0] is GRANTED


def test_a_plan_that_no_waiting_would_help_asks_a_person_whose_word_lets_it_pass() -> None:
    of = limits(rates=[{"per": "kind", "at_most": 2, "seconds": 60}])
    large = turn("web", kinds=["scale"] * 3)
    state, why = answer(of, large, facts())
    assert state is ASK
    assert "needs 3" in why
    allowed = turn("web", kinds=["scale"] * 3, by_person=True)
    assert answer(of, allowed, facts())[0] is GRANTED
    assert answer(of, allowed, facts(used={"rate:kind:60:scale": Used(1, after(60))}))[0] is WAIT


def test_the_budget_is_for_automatic_changes_only() -> None:
    of = limits()
    assert answer(of, turn("web", kinds=["scale", "scale"]), facts(left=2))[0] is GRANTED
    assert answer(of, turn("web", kinds=["scale", "scale"]), facts(left=1))[0] is ASK
    assert answer(of, turn("web", kinds=["scale", "scale"], by_person=True), facts(left=0))[0] is GRANTED


def test_the_more_severe_then_the_older_comes_first() -> None:
    of = limits(concurrency={"total": 1, "per_namespace": 1})
    older = place(of, turn("old"), since=0)
    critical = place(of, turn("critical", Severity.CRITICAL), since=20)
    assert answer(of, turn("web"), facts([older]))[0] is WAIT
    assert answer(of, turn("web", Severity.HIGH), facts([older]))[0] is GRANTED
    assert answer(of, turn("web", Severity.HIGH), facts([critical]))[0] is WAIT


def test_who_waits_for_time_to_pass_lets_others_act_meanwhile() -> None:
    of = limits(
        concurrency={"total": 1, "per_namespace": 1}, rates=[{"per": "kind", "at_most": 1, "seconds": 60}]
    )
    cordons = turn("node", Severity.CRITICAL, kinds=["cordon"])
    late = Place(
        cordons.holder,
        cordons.incident_id,
        "p",
        3,
        START,
        False,
        of.needs(cordons),
        frozenset({"rate:kind:60:cordon"}),
        after(60),
    )
    assert answer(of, turn("web"), facts([late], at=10))[0] is GRANTED
    assert answer(of, turn("other", kinds=["cordon"]), facts([late], at=10))[0] is WAIT
    assert answer(of, turn("web"), facts([late], at=61))[0] is WAIT


def test_switches_hold_where_and_as_long_as_they_say() -> None:
    of = limits(freezes=[{"name": "night", "from": "mon 02:00", "until": "mon 04:00"}])
    switch = Switch(
        kind=SwitchKind.FREEZE,
        name="sale",
        by="ann",
        reason="money",
        since=START,
        until=after(60),
        namespaces=["shop"],
    )
    calm = limits()
    assert governor.standing(calm, [switch], 0, "shop", after(59)).frozen.startswith(
        "freeze sale of shop by ann"
    )
    assert not governor.standing(calm, [switch], 0, "blog", after(59)).frozen
    assert not governor.standing(calm, [switch], 0, "shop", after(60)).frozen
    assert governor.standing(of, [], 0, "shop", START).frozen == "change freeze night of the calendar"
    assert governor.standing(calm, [], 1000, "shop", START).exhausted


NAMES, OBJECTS = st.sampled_from("abcdefgh"), st.sampled_from(["Node/n1", "Node/n2", "Deployment/shop/x"])
TIGHT = limits(
    concurrency={"total": 3, "per_namespace": 2},
    rates=[{"per": "kind", "at_most": 2, "seconds": 60}, {"per": "object", "at_most": 1, "seconds": 60}],
)
TURNS = st.builds(
    turn,
    st.sampled_from("abcdefghij"),
    st.sampled_from(Severity),
    kinds=st.just(["scale"]) | st.just(["cordon", "scale"]),
    objects=st.lists(OBJECTS, min_size=2, max_size=2),
    namespace=st.sampled_from(["shop", "blog"]),
).map(lambda t: t.model_copy(update={"objects": t.objects[: len(t.kinds)]}))
QUEUES = st.lists(
    st.tuples(TURNS, st.integers(0, 50), st.booleans()), max_size=9, unique_by=lambda x: x[0].holder
)
USED = st.dictionaries(
    st.sampled_from(["rate:kind:60:scale", "rate:kind:60:cordon", "rate:object:60:default/Node/n1"]),
    st.builds(Used, st.integers(0, 3), st.integers(1, 60).map(after)),
)


def admissible(queue: list[Any]) -> list[Place]:
    """Those who say they hold may only do so as far as the limits allow."""
    places: list[Place] = []
    for asked, since, held in queue:
        one = place(TIGHT, asked, since, held)
        places.append(one if not held or fits(places, one) else place(TIGHT, asked, since))
    return places


def fits(places: list[Place], one: Place) -> bool:
    taken = Counter[str]()
    for p in [*(p for p in places if p.held), one]:
        taken.update({n: k for n, k in p.needs.items() if n.startswith(("slots", "lock"))})
    return all(k <= TIGHT.capacity(n) for n, k in taken.items())


@settings(max_examples=400, deadline=None)
@given(QUEUES, TURNS, st.integers(0, 50), USED)
def test_never_more_than_a_limit_holds_and_nobody_overtakes(
    queue: list[Any], asked: Any, since: int, used: Any
) -> None:
    places = [p for p in admissible(queue) if p.holder != asked.holder]
    own = place(TIGHT, asked, since)
    admission, _ = governor.begin(TIGHT, facts(places, at=51, used=used), asked, own)
    if admission.state is not GRANTED:
        return
    assert fits(places, own)
    assert all(used[n].count + k <= TIGHT.capacity(n) for n, k in own.needs.items() if n in used)
    back = governor.line_up(TIGHT, [*places, own], used, after(51))
    for other in places:
        if not other.held and other.order < own.order:
            assert not back[other.holder] & set(own.needs), f"{own.holder} overtakes {other.holder}"


@settings(max_examples=200, deadline=None)
@given(QUEUES)
def test_somebody_can_always_act(queue: list[Any]) -> None:
    """When nobody holds anything and no rate is used up, the first in the queue has its turn: nobody waits for ever."""
    places = [
        p for p in admissible(queue) if not p.held and all(k <= TIGHT.capacity(n) for n, k in p.needs.items())
    ]
    if places:
        back = governor.line_up(TIGHT, places, {}, after(51))
        assert not back[min(places, key=lambda p: p.order).holder]
