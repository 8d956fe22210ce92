"""The policy network in plain torch, its artefact, and how it goes on learning from what really happened.

torch is imported by whoever constructs a policy, never by the process that runs workflows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import nn

from models.policy.actions import PolicyAction
from models.policy.state import ACTIONS, SIZE, Mask, Vector
from suture.domain.errors import Invalid

HIDDEN = 256
LAYERS = ("0", "2", "4")  # the linear layers' places in the sequence
MOST_WEIGHT = 5.0  # importance weights are clipped here: bias for variance


class PolicyNetwork(nn.Module):
    """128 numbers -> 256 -> 256 -> 20 logits; what is masked gets no probability at all."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(SIZE, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, ACTIONS),
        )

    def forward(self, state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Log-probabilities, shape (batch, 20); -inf where the mask is false."""
        logits: torch.Tensor = self.layers(state)
        return torch.log_softmax(logits.masked_fill(~mask, -torch.inf), dim=-1)


class Outcome(BaseModel):
    """What came of one choice. `propensity` is the probability with which it was chosen then."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    state: NDArray[np.float32]
    mask: NDArray[np.bool_]
    action: PolicyAction
    propensity: float
    reward: float


class LearnedPolicy:
    """Ranks the allowed actions. `explore` draws instead of taking the best: only in shadow, or where policy allows."""

    name = "maskable PPO"

    def __init__(self, network: PolicyNetwork | None = None, explore: bool = False, seed: int = 0) -> None:
        self.network = (network or PolicyNetwork()).eval()
        self._explore = explore
        self._rng = np.random.default_rng(seed)

    def probabilities(self, state: Vector, mask: Mask) -> NDArray[np.float64]:
        """Shape (20,), adding up to 1; exactly 0 where the mask is false. Raises Invalid for a wrong shape or NaN."""
        if state.shape != (SIZE,) or mask.shape != (ACTIONS,) or not mask.any():
            raise Invalid(
                f"the policy takes a state of {SIZE} numbers and a mask of {ACTIONS} with something allowed"
            )
        if not np.isfinite(state).all():
            raise Invalid("the state holds NaN or infinity")
        with torch.no_grad():
            logs = self.network(torch.from_numpy(state)[None], torch.from_numpy(mask)[None])[0]
        found = np.exp(logs.double().numpy())
        if not np.isfinite(found).all():
            raise Invalid("the policy's weights are broken: it answers NaN")
        return np.asarray(found / found.sum(), dtype=np.float64)

    def choose(self, state: Vector, mask: Mask) -> PolicyAction:
        found = self.probabilities(state, mask)
        drawn = self._rng.choice(ACTIONS, p=found) if self._explore else np.argmax(found)
        return PolicyAction(int(drawn))

    def learn(self, state: Vector, action: PolicyAction, reward: float) -> None:
        """One outcome teaches nothing by itself: see `Learner`."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The weights, for an artefact."""
        return {k: v.detach().numpy().copy() for k, v in self.network.state_dict().items()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> LearnedPolicy:
        """From an artefact's weights. Raises Invalid when they are another network's."""
        network = PolicyNetwork()
        try:
            network.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in arrays.items()})
        except (RuntimeError, TypeError) as e:
            raise Invalid(f"these weights are not a policy's: {str(e).splitlines()[0]}") from e
        return cls(network)


class Learner:
    """Online learning from real outcomes, whoever chose: off-policy policy gradient with clipped importance weights.

    The weight of an outcome is the present probability of its action by the propensity then, clipped as in Ionides (2008),
    "Truncated importance sampling"; the mean reward of the batch is the baseline.
    """

    def __init__(self, policy: LearnedPolicy, rate: float = 1e-4, entropy: float = 0.01) -> None:
        self._policy = policy
        self._entropy = entropy
        self._optimizer = torch.optim.Adam(policy.network.parameters(), lr=rate)

    def update(self, outcomes: Sequence[Outcome]) -> float:
        """One step on a batch; returns the loss. Raises Invalid for an action that was masked, or without a propensity."""
        for o in outcomes:
            if not o.mask[o.action] or not 0 < o.propensity <= 1:
                raise Invalid(
                    f"the outcome of {o.action.name} cannot be learned from: it was not allowed, or nobody knows how likely"
                )
        states = torch.from_numpy(np.stack([o.state for o in outcomes]))
        masks = torch.from_numpy(np.stack([o.mask for o in outcomes]))
        actions = torch.tensor([int(o.action) for o in outcomes])
        rewards = torch.tensor([o.reward for o in outcomes], dtype=torch.float32)
        then = torch.tensor([o.propensity for o in outcomes], dtype=torch.float32)
        logs = self._policy.network(states, masks)
        chosen = logs.gather(1, actions[:, None])[:, 0]
        weights = torch.clamp(chosen.detach().exp() / then, max=MOST_WEIGHT)
        spread = -(logs.exp() * logs.masked_fill(~masks, 0.0)).sum(1).mean()
        loss = -(weights * (rewards - rewards.mean()) * chosen).mean() - self._entropy * spread
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._policy.network.parameters(), 1.0)
        self._optimizer.step()
        return float(loss.detach())
