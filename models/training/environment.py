"""The training environment: one episode is one incident, one step is one plan that is tried (or a person who is called).

A fault of the lab is drawn and its dynamics perturbed: what shows may be misread, the right plan may be missing or unsure,
harmless changes of the same minute are suspected too, and a right plan may still fail. Past success rates come from incidents
of the same dynamics, as a young or an old memory would have them. The agent sees the documented state and the mask, never
the fault.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from models.policy.actions import PolicyAction
from models.policy.state import ACTIONS, SIZE, Mask, Option, Past, Situation, Vector, encode, mask
from models.training.faults import Fault
from suture.domain.diagnosis import FailureType

HEALED, CALLED, GAVE_UP = (
    1.0,
    -0.3,
    -0.6,
)  # a person at night costs; one called after everything failed costs more
FAILED = -0.25  # a plan that did not help: its verification, its undo, the time
RISK = {  # on top of each try: what a mistaken use may cost (suture.domain.action.Risk)
    PolicyAction.CORDON: 0.15,
    PolicyAction.PATCH_NODE: 0.1,
    PolicyAction.UNDO_ROLLOUT: 0.05,
    PolicyAction.ADJUST_RESOURCES: 0.05,
    PolicyAction.PATCH_ACCESS: 0.05,
    PolicyAction.REMOVE_CREATED: 0.05,
}
MOST_TRIES = 4
NEARBY = {  # how trouble is misread
    FailureType.CRASH_LOOP: FailureType.NOT_READY,
    FailureType.NOT_READY: FailureType.ROLLOUT_FAILED,
    FailureType.OOM_KILLED: FailureType.CRASH_LOOP,
    FailureType.MISSING_REFERENCE: FailureType.NOT_READY,
    FailureType.IMAGE_PULL: FailureType.ROLLOUT_FAILED,
    FailureType.UNSCHEDULABLE: FailureType.NOT_READY,
}


@dataclass(frozen=True)
class Dynamics:
    """How kind the world is. `of` draws a perturbed one; the defaults are the middle."""

    misread: float = 0.15  # the failure type shows as a neighbour's
    missing: float = 0.06  # no plan of the right kind is at hand: only a person can help
    works: float = 0.93  # a right plan helps
    luck: float = 0.06  # a wrong plan helps all the same (a restart that clears what was stuck)
    decoys: float = 1.8  # other plans, on average
    detector: tuple[float, float] = (8.0, 2.5)  # Beta of a detector's confidence in what is right
    changes: tuple[float, float] = (5.0, 3.5)  # of the ledger's confidence in what is right
    decoy_detector: tuple[float, float] = (2.5, 4.0)
    decoy_changes: tuple[float, float] = (
        4.0,
        3.5,
    )  # a harmless change of the same minute looks nearly as guilty
    memory: float = 12.0  # incidents that the memory has of a failure type, on average

    @classmethod
    def of(cls, rng: np.random.Generator, strength: float = 1.0) -> Dynamics:
        """Perturbed: rates up to twice or half, confidences shifted; `strength` 0 gives the middle."""

        def rate(value: float) -> float:
            return float(min(0.5, value * np.exp(rng.uniform(-0.7, 0.7) * strength)))

        def beta(shape: tuple[float, float]) -> tuple[float, float]:
            a, b = (float(x * np.exp(rng.uniform(-0.35, 0.35) * strength)) for x in shape)
            return a, b

        d = cls()
        return cls(
            misread=rate(d.misread),
            missing=rate(d.missing),
            works=1 - rate(1 - d.works),
            luck=rate(d.luck),
            decoys=float(d.decoys * np.exp(rng.uniform(-0.5, 0.5) * strength)),
            detector=beta(d.detector),
            changes=beta(d.changes),
            decoy_detector=beta(d.decoy_detector),
            decoy_changes=beta(d.decoy_changes),
            memory=float(d.memory * np.exp(rng.uniform(-1.0, 1.0) * strength)),
        )


@dataclass
class Plan:
    """One plan at hand. `mends` is the part of the fault that it would mend (None: none of it); hidden from the agent."""

    option: Option
    mends: int | None


@dataclass
class Episode:
    """The hidden and the visible side of one incident."""

    fault: Fault
    dynamics: Dynamics
    situation: Situation
    plans: list[Plan]
    left: set[int] = field(default_factory=set)  # parts of the fault that still stand

    def best(self, action: PolicyAction) -> Plan | None:
        """The most confident plan of an action that was not tried."""
        fitting = [p for p in self.plans if p.option.action is action]
        return max(fitting, key=lambda p: p.option.confidence, default=None)


class Remediation(gym.Env[Vector, np.int64]):
    """Observation: float32 (128,), see models.policy.state. Action: one of 20; `action_masks()` says which are allowed."""

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium's own attribute

    def __init__(
        self, faults: list[Fault], seed: int = 0, strength: float = 1.0, variety: float = 0.0
    ) -> None:
        """`strength`: how far dynamics are perturbed; `variety`: the share of incidents whose fault is mended in another way
        than the lab's (other clusters break otherwise): who learns there cannot learn the lab by heart."""
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (SIZE,), np.float32)
        self.action_space = gym.spaces.Discrete(ACTIONS)
        self._faults, self._strength, self._variety = faults, strength, variety
        self._rng = np.random.default_rng(seed)
        self.episode: Episode = self._draw()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """A new incident."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.episode = self._draw()
        return encode(self.episode.situation), {}

    def action_masks(self) -> Mask:
        """Allowed actions, shape (20,)."""
        return mask(self.episode.situation)

    def step(self, action: int | np.int64) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Try the best plan of an action. Raises ValueError for one that is masked: it never happens silently."""
        chosen = PolicyAction(int(action))
        if not self.action_masks()[chosen]:
            raise ValueError(f"{chosen.name} is not allowed here")
        reward, over = self._try(chosen)
        return encode(self.episode.situation), reward, over, False, {}

    def _try(self, action: PolicyAction) -> tuple[float, bool]:
        e = self.episode
        if action is PolicyAction.CALL_PERSON:
            return CALLED, True
        plan = e.best(action)
        assert plan is not None  # noqa: S101 - the mask was asked
        cost = -RISK.get(action, 0.0)
        e.plans.remove(plan)
        helped = self._helps(plan)
        if helped is not None:
            e.left.discard(helped)
            e.plans = [p for p in e.plans if p.mends != helped]
        s = e.situation
        e.situation = s.model_copy(
            update={
                "options": [p.option for p in e.plans],
                "tried": [*s.tried, action],
                "minutes": s.minutes + 3,
            }
        )
        if not e.left:
            return cost + HEALED, True
        cost += 0.0 if helped is not None else FAILED
        if len(e.situation.tried) >= MOST_TRIES:
            return cost + GAVE_UP, True
        return cost, False

    def _helps(self, plan: Plan) -> int | None:
        """Which part of the fault the plan mended."""
        e, chance = self.episode, self._rng.random()
        if plan.mends is not None and plan.mends in e.left:
            return plan.mends if chance < e.dynamics.works else None
        lucky = chance < e.dynamics.luck and len(e.left) == 1
        return next(iter(e.left)) if lucky else None

    def _draw(self) -> Episode:
        rng = self._rng
        dynamics = Dynamics.of(rng, self._strength)
        fault = self._fault()
        plans = [*self._right(fault, dynamics), *self._wrong(dynamics)]
        shows = fault.shows
        if rng.random() < dynamics.misread:
            shows = NEARBY.get(shows, FailureType.UNKNOWN)
        situation = Situation(
            failure_type=shows,
            severity=fault.severity,
            options=[p.option for p in plans],
            past=self._memory(fault, shows, dynamics),
            reports=int(1 + rng.poisson(3)),
            minutes=float(rng.exponential(4)),
            others=int(rng.poisson(0.5 if len(fault.mends) == 1 else 2.5)),
            well=float(rng.random() * 0.8),
            just_changed=bool(rng.random() < 0.6),
        )
        return Episode(fault, dynamics, situation, plans, set(range(len(fault.mends))))

    def _fault(self) -> Fault:
        fault = self._faults[self._rng.integers(len(self._faults))]
        if self._rng.random() >= self._variety:
            return fault
        mends = tuple(frozenset({PolicyAction(int(self._rng.integers(ACTIONS - 1)))}) for _ in fault.mends)
        return fault.model_copy(update={"mends": mends})

    def _right(self, fault: Fault, d: Dynamics) -> list[Plan]:
        """For each part of the fault the ways that would mend it, as far as something found them."""
        found = []
        for part, ways in enumerate(fault.mends):
            if self._rng.random() < d.missing:
                continue
            for way in sorted(ways - {PolicyAction.CALL_PERSON}):
                if len(ways) == 1 or self._rng.random() < 0.7:
                    found.append(Plan(self._option(way, d.detector, d.changes), part))
        return found

    def _wrong(self, d: Dynamics) -> list[Plan]:
        others = [a for a in PolicyAction if a is not PolicyAction.CALL_PERSON]
        drawn = self._rng.integers(len(others), size=self._rng.poisson(d.decoys))
        return [Plan(self._option(others[i], d.decoy_detector, d.decoy_changes), None) for i in drawn]

    def _option(
        self, action: PolicyAction, detector: tuple[float, float], changes: tuple[float, float]
    ) -> Option:
        by_detector = bool(self._rng.random() < 0.5)
        a, b = detector if by_detector else changes
        return Option(
            action=action,
            confidence=float(self._rng.beta(a, b)),
            origin="detector" if by_detector else "changes",
        )

    def _memory(self, present: Fault, shows: FailureType, d: Dynamics) -> dict[PolicyAction, Past]:
        """What earlier incidents of this failure type taught, drawn from the faults that show like it."""
        alike = [f for f in self._faults if f.shows is shows and f.name != present.name]
        alike.append(present)
        past: dict[PolicyAction, list[int]] = {}
        for _ in range(self._rng.poisson(d.memory)):
            fault = alike[self._rng.integers(len(alike))]
            ways = sorted(fault.mends[0])
            right = self._rng.random() < 0.7
            action = (
                ways[self._rng.integers(len(ways))]
                if right
                else PolicyAction(int(self._rng.integers(ACTIONS - 1)))
            )
            worked = self._rng.random() < (d.works if action in fault.mends[0] else d.luck)
            counts = past.setdefault(action, [0, 0])
            counts[0] += 1
            counts[1] += int(worked)
        return {
            a: Past(tries=t, successes=s) for a, (t, s) in past.items() if a is not PolicyAction.CALL_PERSON
        }
