"""Ways to choose an action, behind one interface: the baselines that the learned policy has to beat, and the policy itself."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from models.policy.actions import PolicyAction
from models.policy.state import ACTIONS, SIZE, Mask, Vector


class Chooser(Protocol):
    """Chooses one allowed action. `learn` is told the reward; those that do not learn ignore it."""

    name: str

    def choose(self, state: Vector, mask: Mask) -> PolicyAction: ...

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None: ...


class MaskedRandom:
    """Any allowed action, all alike."""

    name = "masked random"

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def choose(self, state: Vector, mask: Mask) -> PolicyAction:
        return PolicyAction(int(self._rng.choice(np.flatnonzero(mask))))

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None:
        return None


class Confidence:
    """The engine's own ranking without a policy: the most confident plan, and a person when none is left."""

    name = "confidence"

    def choose(self, state: Vector, mask: Mask) -> PolicyAction:
        confidence = np.where(mask, state[28:48], -1.0)
        confidence[PolicyAction.CALL_PERSON] = 0.0  # below every plan
        return PolicyAction(int(np.argmax(confidence)))

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None:
        return None


class GreedyTable:
    """A table per failure type: the allowed action with the best mean reward so far (the first reward of each try)."""

    name = "greedy per failure type"

    def __init__(self) -> None:
        self._sum = np.zeros((24, ACTIONS))
        self._count = np.zeros((24, ACTIONS))

    def choose(self, state: Vector, mask: Mask) -> PolicyAction:
        row = int(np.argmax(state[:24]))
        mean = self._sum[row] / np.maximum(self._count[row], 1)
        return PolicyAction(int(np.argmax(np.where(mask, mean, -np.inf))))

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None:
        row = int(np.argmax(state[:24]))
        self._sum[row, action] += reward
        self._count[row, action] += 1


class LinUcb:
    """A linear model of the reward for each action, with an upper confidence bound.

    Li, Chu, Langford, Schapire (2010), "A contextual-bandit approach to personalized news article recommendation",
    algorithm 1 (disjoint models). `alpha` 0 exploits only.
    """

    name = "LinUCB"

    def __init__(self, alpha: float = 0.5) -> None:
        self.alpha = alpha
        self._inverse = np.stack([np.eye(SIZE) for _ in range(ACTIONS)])
        self._b = np.zeros((ACTIONS, SIZE))

    def choose(self, state: Vector, mask: Mask) -> PolicyAction:
        x = state.astype(np.float64)
        spread = np.sqrt(np.einsum("i,aij,j->a", x, self._inverse, x))
        means = np.einsum("aij,aj,i->a", self._inverse, self._b, x)
        return PolicyAction(int(np.argmax(np.where(mask, means + self.alpha * spread, -np.inf))))

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None:
        x = state.astype(np.float64)
        ax = self._inverse[action] @ x  # Sherman-Morrison: the inverse is kept up to date instead of computed
        self._inverse[action] -= np.outer(ax, ax) / (1.0 + float(x @ ax))
        self._b[action] += reward * x
