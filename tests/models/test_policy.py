"""The action policy: a documented state, a mask that is never passed, honest learning, and a ranking that only reorders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.policy.actions import PolicyAction, policy_action
from models.policy.choosers import Confidence, GreedyTable, LinUcb, MaskedRandom
from models.policy.network import LearnedPolicy, Learner, Outcome, PolicyNetwork
from models.policy.ranking import past_of, rank
from models.policy.state import ACTIONS, SIZE, Option, Past, Situation, encode, mask
from models.training.environment import Remediation
from models.training.faults import load
from models.training.policy import compare, oracle, play, teach
from suture.domain.action import DeletePod, Patch, Scale, UndoRollout
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.errors import Invalid
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef

options = st.builds(
    Option,
    action=st.sampled_from([a for a in PolicyAction if a is not PolicyAction.CALL_PERSON]),
    confidence=st.floats(0, 1),
    origin=st.sampled_from(["detector:x", "changes", "memory", "odd"]),
)
situations = st.builds(
    Situation,
    failure_type=st.sampled_from(FailureType),
    severity=st.sampled_from(Severity),
    options=st.lists(options, max_size=12),
    tried=st.lists(st.sampled_from(PolicyAction), max_size=8),
    past=st.dictionaries(st.sampled_from(PolicyAction), st.just(Past(tries=9, successes=4)), max_size=5),
    reports=st.integers(0, 10**9),
    minutes=st.floats(0, 1e9),
    others=st.integers(0, 10**6),
)


@given(situations)
def test_every_situation_has_a_state_within_bounds(situation: Situation) -> None:
    state = encode(situation)
    assert state.shape == (SIZE,)
    assert state.dtype == np.float32
    assert np.abs(state).max() <= 1.0


def test_every_place_of_the_state_is_where_it_is_documented() -> None:
    s = Situation(
        failure_type=FailureType.OOM_KILLED,
        severity=Severity.HIGH,
        options=[Option(action=PolicyAction.SCALE, confidence=0.7, origin="changes")],
        tried=[PolicyAction.DELETE_POD, PolicyAction.DELETE_POD],
        past={PolicyAction.SCALE: Past(tries=3, successes=3)},
        kind="Node",
        well=0.25,
        just_changed=True,
    )
    state = encode(s)
    assert state[list(FailureType).index(FailureType.OOM_KILLED)] == 1
    assert state[24 + Severity.HIGH.rank] == 1
    assert state[28 + PolicyAction.SCALE] == pytest.approx(0.7)
    assert state[48 + PolicyAction.DELETE_POD] == 0.5
    assert state[68 + PolicyAction.SCALE] == pytest.approx(0.8)
    assert state[88 + PolicyAction.SCALE] == 0.5
    assert state[109] == 1  # changes
    assert state[123] == 1  # node
    assert (state[126], state[127]) == (0.25, 1.0)


@given(situations, st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_no_chooser_ever_leaves_the_mask(situation: Situation, seed: int) -> None:
    state, allowed = encode(situation), mask(situation)
    policy = LearnedPolicy(PolicyNetwork(), explore=True, seed=seed)
    choosers = (MaskedRandom(seed), Confidence(), GreedyTable(), LinUcb(), LearnedPolicy(), policy)
    assert all(allowed[c.choose(state, allowed)] for c in choosers)
    assert policy.probabilities(state, allowed)[~allowed].sum() == 0.0


def test_what_is_not_a_state_is_refused() -> None:
    policy = LearnedPolicy()
    allowed = np.ones(ACTIONS, dtype=np.bool_)
    broken = np.full(SIZE, np.nan, dtype=np.float32)
    for state, its_mask in (
        (np.zeros(7, dtype=np.float32), allowed),
        (broken, allowed),
        (np.zeros(SIZE, dtype=np.float32), ~allowed),
    ):
        with pytest.raises(Invalid):
            policy.probabilities(state, its_mask)
    with pytest.raises(Invalid, match="not a policy's"):
        LearnedPolicy.of({"layers.0.weight": np.zeros((2, 2), dtype=np.float32)})


def test_weights_survive_their_way_through_an_artefact() -> None:
    policy = LearnedPolicy()
    state, allowed = np.ones(SIZE, dtype=np.float32), np.ones(ACTIONS, dtype=np.bool_)
    again = LearnedPolicy.of(policy.arrays())
    np.testing.assert_allclose(policy.probabilities(state, allowed), again.probabilities(state, allowed))


def test_the_policy_goes_on_learning_from_what_really_happened() -> None:
    """Whoever chose: outcomes of a uniformly random chooser teach which action is worth it."""
    rng, policy = np.random.default_rng(1), LearnedPolicy(PolicyNetwork())
    learner = Learner(policy, rate=3e-3)
    allowed = np.zeros(ACTIONS, dtype=np.bool_)
    allowed[[2, 5, 7]] = True
    state = np.zeros(SIZE, dtype=np.float32)
    for _ in range(60):
        drawn = rng.choice([2, 5, 7], size=32)
        learner.update(
            [
                Outcome(
                    state=state, mask=allowed, action=PolicyAction(a), propensity=1 / 3, reward=float(a == 7)
                )
                for a in drawn
            ]
        )
    assert policy.choose(state, allowed) is PolicyAction(7)


def test_outcomes_that_cannot_have_been_are_not_learned_from() -> None:
    allowed = np.zeros(ACTIONS, dtype=np.bool_)
    allowed[3] = True
    odd = Outcome(
        state=np.zeros(SIZE, dtype=np.float32),
        mask=allowed,
        action=PolicyAction(4),
        propensity=0.5,
        reward=1.0,
    )
    learner = Learner(LearnedPolicy())
    with pytest.raises(Invalid, match="not allowed"):
        learner.update([odd])
    with pytest.raises(Invalid, match="how likely"):
        learner.update([odd.model_copy(update={"action": PolicyAction(3), "propensity": 0.0})])


def test_the_faults_come_from_the_lab_and_keep_no_name_in_what_is_seen() -> None:
    faults = load()
    assert len(faults) > 50
    assert {PolicyAction.PATCH_SERVICE, PolicyAction.RECREATE_OBJECT} <= {
        a for f in faults for m in f.mends for a in m
    }
    assert len({f.shows for f in faults}) >= 8


def test_masked_actions_end_the_training_instead_of_happening() -> None:
    world = Remediation(load(), seed=3)
    world.reset(seed=3)
    forbidden = int(np.flatnonzero(~world.action_masks())[0])
    with pytest.raises(ValueError, match="not allowed"):
        world.step(forbidden)


def test_the_environment_repeats_itself_from_its_seed() -> None:
    first, second = (play(oracle, Remediation(load(), seed=11), 200) for _ in range(2))
    assert first == second


def test_even_a_short_training_beats_chance_and_stays_below_the_oracle() -> None:
    faults = load()
    rows = {r.method: r for r in compare(faults[::2], faults[1::2], seeds=[0], steps=16_000, episodes=400)}
    assert rows["masked random"].mean < rows["maskable PPO"].mean < rows["oracle"].mean
    assert rows["masked random"].mean < rows["confidence"].mean


def test_the_table_learns_what_works_for_a_failure_type() -> None:
    faults = [f for f in load() if f.shows is FailureType.TRAFFIC]
    taught = teach(GreedyTable(), faults, seed=0, episodes=1500)
    world = Remediation(faults, seed=5)
    learned, _ = play(lambda w, s: taught.choose(s, w.action_masks()), world, 400)
    random, _ = play(
        lambda w, s: MaskedRandom(1).choose(s, w.action_masks()), Remediation(faults, seed=5), 400
    )
    assert learned > random


DEPLOYMENT = ObjectRef(kind="Deployment", namespace="a", name="b")


def hypothesis(name: str, confidence: float, plan: Plan | None) -> Hypothesis:
    return Hypothesis(
        id=name,
        failure_type=FailureType.CRASH_LOOP,
        origin="detector:x",
        cause=name,
        confidence=confidence,
        plan=plan,
    )


HYPOTHESES = [
    hypothesis("undo", 0.6, Plan(actions=[UndoRollout(object=DEPLOYMENT)])),
    hypothesis("scale", 0.5, Plan(actions=[Scale(object=DEPLOYMENT, replicas=2)])),
    hypothesis("words", 0.4, None),
]


def test_a_ranking_keeps_every_hypothesis_and_puts_forbidden_plans_behind() -> None:
    undo = HYPOTHESES[0].plan
    assert undo is not None
    found = rank(
        LearnedPolicy(), HYPOTHESES, Situation(failure_type=FailureType.CRASH_LOOP), {undo.hash: "protected"}
    )
    assert sorted(h.id for h in found.hypotheses) == ["scale", "undo", "words"]
    assert found.hypotheses[0].id == "scale"
    assert found.confidence is not None


def test_a_broken_policy_leaves_the_order_as_it_was() -> None:
    network = PolicyNetwork()
    for weight in network.parameters():
        weight.data.fill_(float("nan"))
    found = rank(LearnedPolicy(network), HYPOTHESES, Situation(failure_type=FailureType.CRASH_LOOP), {})
    assert [h.id for h in found.hypotheses] == ["undo", "scale", "words"]
    assert found.confidence is None
    assert "gave no answer" in found.why


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (DeletePod(object=DEPLOYMENT, grace_seconds=0), PolicyAction.FREE_POD),
        (DeletePod(object=DEPLOYMENT), PolicyAction.DELETE_POD),
        (
            Patch(object=ObjectRef(kind="Service", namespace="a", name="b"), body={}),
            PolicyAction.PATCH_SERVICE,
        ),
        (Patch(object=DEPLOYMENT, body={}), PolicyAction.PATCH_WORKLOAD),
    ],
)
def test_plans_stand_under_the_action_of_their_first_change(action: object, expected: PolicyAction) -> None:
    assert policy_action(Plan.model_validate({"actions": [action]})) is expected


def test_the_past_is_counted_by_action() -> None:
    found = past_of([(PolicyAction.SCALE, True), (PolicyAction.SCALE, False), (PolicyAction.CORDON, True)])
    assert found == {
        PolicyAction.SCALE: Past(tries=2, successes=1),
        PolicyAction.CORDON: Past(tries=1, successes=1),
    }
