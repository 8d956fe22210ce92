"""Trains the action policy with maskable PPO and compares it with what it has to beat, on faults and worlds it never saw.

Faults are split by family: none that is trained on is evaluated on under the same seed's dynamics; the evaluation's dynamics
are perturbed twice as strongly. Return is the mean sum of rewards an episode; the oracle knows the fault, not the dice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from scipy.stats import t as student
from stable_baselines3.common.vec_env import DummyVecEnv

from models.policy.actions import PolicyAction
from models.policy.choosers import Chooser, Confidence, GreedyTable, LinUcb, MaskedRandom
from models.policy.network import HIDDEN, LAYERS, LearnedPolicy, PolicyNetwork
from models.training.environment import RISK, Remediation
from models.training.faults import Fault

STEPS = 150_000
WORLDS = 32  # incidents at once: one forward pass for all
TEACHING = 6_000  # episodes that the tables and the bandit learn from
STRENGTH, HELD_OUT_STRENGTH = 1.0, 1.5
VARIETY = 0.5


def train(faults: list[Fault], seed: int, steps: int = STEPS) -> LearnedPolicy:
    """Maskable PPO (Huang, Ontanon 2020); returns its policy half as plain torch."""
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ppo = MaskablePPO(
            "MlpPolicy",
            DummyVecEnv([_world(faults, seed * WORLDS + i) for i in range(WORLDS)]),
            n_steps=256,
            batch_size=1024,
            n_epochs=4,
            learning_rate=lambda left: 1e-3 * left,
            gamma=1.0,
            gae_lambda=0.95,
            ent_coef=0.005,
            policy_kwargs={
                "net_arch": {"pi": [HIDDEN, HIDDEN], "vf": [HIDDEN, HIDDEN]},
                "activation_fn": torch.nn.ReLU,
            },
            seed=seed,
            device="cpu",
        )
        ppo.learn(steps)
    return LearnedPolicy(_extract(ppo.policy))


def _world(faults: list[Fault], seed: int) -> Callable[[], Remediation]:
    return lambda: Remediation(faults, seed, STRENGTH, VARIETY)


def _extract(policy: Any) -> PolicyNetwork:
    """The same weights in our own network."""
    network = PolicyNetwork()
    inner = policy.mlp_extractor.policy_net
    for place, layer in zip(LAYERS, (inner[0], inner[2], policy.action_net), strict=True):
        own = network.layers[int(place)]
        own.load_state_dict(layer.state_dict())
    return network


def teach(chooser: Chooser, faults: list[Fault], seed: int, episodes: int = TEACHING) -> Chooser:
    """Let a baseline learn in the same world; a tenth of its choices are random, so that it sees everything."""
    world, rng = Remediation(faults, seed, STRENGTH, VARIETY), np.random.default_rng(seed)
    for _ in range(episodes):
        state, _ = world.reset()
        over = False
        while not over:
            allowed = world.action_masks()
            explore = rng.random() < 0.1
            action = (
                PolicyAction(int(rng.choice(np.flatnonzero(allowed))))
                if explore
                else chooser.choose(state, allowed)
            )
            new, reward, over, _, _ = world.step(action)
            chooser.learn(state, action, reward)
            state = new
    if isinstance(chooser, LinUcb):
        chooser.alpha = 0.0
    return chooser


def play(
    choose: Callable[[Remediation, np.ndarray], PolicyAction], world: Remediation, episodes: int
) -> tuple[float, float]:
    """Mean return and mean number of tries an episode."""
    total, tries = 0.0, 0
    for _ in range(episodes):
        state, _ = world.reset()
        over = False
        while not over:
            action = choose(world, state)
            tries += action is not PolicyAction.CALL_PERSON
            state, reward, over, _, _ = world.step(action)
            total += reward
    return total / episodes, tries / episodes


def oracle(world: Remediation, _state: np.ndarray) -> PolicyAction:
    """Knows the fault: tries what mends a part that still stands, the least risky first, and otherwise calls a person."""
    e = world.episode
    at_hand = {p.mends for p in e.plans} - {None}
    right = [p.option.action for p in e.plans if p.mends in e.left and e.best(p.option.action) is p]
    if not right or not e.left <= at_hand:
        return PolicyAction.CALL_PERSON
    return min(right, key=lambda a: RISK.get(a, 0.0))


@dataclass(frozen=True)
class Row:
    """One method: the mean return over seeds with the half width of its 95 % interval, and tries an episode."""

    method: str
    mean: float
    half: float
    tries: float
    returns: tuple[float, ...]


def compare(
    train_on: list[Fault], held_out: list[Fault], seeds: Sequence[int], steps: int, episodes: int = 1500
) -> list[Row]:
    """Every method on the same held-out incidents, each seed with its own training and its own worlds."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in seeds:
        methods: list[Chooser] = [
            MaskedRandom(seed),
            Confidence(),
            teach(GreedyTable(), train_on, seed),
            teach(LinUcb(), train_on, seed),
            train(train_on, seed, steps),
        ]
        for m in methods:
            world = Remediation(held_out, 10_000 + seed, HELD_OUT_STRENGTH)
            found.setdefault(m.name, []).append(play(_choosing(m), world, episodes))
        world = Remediation(held_out, 10_000 + seed, HELD_OUT_STRENGTH)
        found.setdefault("oracle", []).append(play(oracle, world, episodes))
    return [_row(name, results) for name, results in found.items()]


def _choosing(chooser: Chooser) -> Callable[[Remediation, np.ndarray], PolicyAction]:
    return lambda world, state: chooser.choose(state, world.action_masks())


def _row(name: str, results: list[tuple[float, float]]) -> Row:
    returns = np.array([r for r, _ in results])
    n = len(returns)
    half = float(student.ppf(0.975, n - 1) * returns.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return Row(
        name, float(returns.mean()), half, float(np.mean([t for _, t in results])), tuple(map(float, returns))
    )


def advantage(rows: Sequence[Row], over: str, of: str = LearnedPolicy.name) -> tuple[float, float, float]:
    """The paired difference of two methods over the seeds: mean, and its 95 % interval."""
    by = {r.method: np.array(r.returns) for r in rows}
    difference = by[of] - by[over]
    n = len(difference)
    half = float(student.ppf(0.975, n - 1) * difference.std(ddof=1) / np.sqrt(n))
    return float(difference.mean()), float(difference.mean() - half), float(difference.mean() + half)
