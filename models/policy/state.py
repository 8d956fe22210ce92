"""What the policy sees: 128 numbers with a documented place each, all within [-1, 1].

| places  | what                                                                                         |
| ------- | -------------------------------------------------------------------------------------------- |
| 0-23    | failure type of the target's trouble, one-hot (room for 24)                                  |
| 24-27   | severity, one-hot: low, medium, high, critical                                               |
| 28-47   | for each action: the confidence of its best plan that was not tried; 0 without one           |
| 48-67   | for each action: how many plans of it were tried in this incident, / 4                       |
| 68-87   | for each action: success rate in the past for this failure type, (successes+1)/(tries+2); 0.5 unknown |
| 88-107  | for each action: how sure that rate is, 1 - 1/sqrt(1+tries)                                  |
| 108-113 | for the best plan's origin, one-hot: detector, changes, memory, playbook, model, other       |
| 114-117 | plans at hand / 8, plans with a confidence above 0.5 / 8, best minus second best, best       |
| 118-121 | attempts so far / 4, reports (log), minutes since it began (log), others in trouble (log)    |
| 122-125 | kind of the target: workload, node, traffic object, other; one-hot                           |
| 126-127 | share of the target's replicas that are well, whether the target changed in the last 10 minutes |
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.policy.actions import PolicyAction
from suture.domain.diagnosis import FailureType
from suture.domain.errors import Invalid
from suture.domain.stages import Severity

SIZE = 128
ACTIONS = len(PolicyAction)
FAILURE_ROOM = 24
ORIGINS = ("detector", "changes", "memory", "playbook", "model")
KINDS = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"), 0),
    "Node": 1,
    **dict.fromkeys(("Service", "Ingress", "NetworkPolicy"), 2),
}
Vector = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Option(BaseModel):
    """A plan at hand, as far as the policy looks at it."""

    model_config = ConfigDict(frozen=True)

    action: PolicyAction
    confidence: float = Field(ge=0, le=1)
    origin: str = "detector"


class Past(BaseModel):
    """Tries and successes of one action for one failure type."""

    model_config = ConfigDict(frozen=True)

    tries: int = Field(default=0, ge=0)
    successes: int = Field(default=0, ge=0)


class Situation(BaseModel):
    """An incident at the moment of choosing. `options` are the plans that were not tried and that nothing forbids."""

    failure_type: FailureType
    severity: Severity = Severity.MEDIUM
    options: list[Option] = Field(default_factory=list)
    tried: list[PolicyAction] = Field(default_factory=list)
    past: dict[PolicyAction, Past] = Field(default_factory=dict)
    kind: str = "Deployment"
    reports: int = Field(default=1, ge=0)
    minutes: float = Field(default=0.0, ge=0)
    others: int = Field(default=0, ge=0)
    well: float = Field(default=0.0, ge=0, le=1)
    just_changed: bool = False


def mask(situation: Situation) -> Mask:
    """Which actions may be chosen, shape (20,): those with a plan, and always calling a person."""
    allowed = np.zeros(ACTIONS, dtype=np.bool_)
    allowed[[o.action for o in situation.options]] = True
    allowed[PolicyAction.CALL_PERSON] = True
    return allowed


def encode(situation: Situation) -> Vector:
    """The state, shape (128,), float32. Raises Invalid when something is not a finite number."""
    parts = (
        _one_hot(list(FailureType).index(situation.failure_type), FAILURE_ROOM),
        _one_hot(situation.severity.rank, 4),
        _best(situation.options),
        _counts(situation.tried),
        *_past(situation.past),
        _origin(situation.options),
        _crowd(situation.options),
        _course(situation),
        _one_hot(KINDS.get(situation.kind, 3), 4),
        np.array([situation.well, situation.just_changed], dtype=np.float32),
    )
    state = np.concatenate(parts).astype(np.float32)
    if state.shape != (SIZE,) or not np.isfinite(state).all():
        raise Invalid("the situation cannot be encoded: it holds what is not a number")
    return state


def _one_hot(place: int, size: int) -> Vector:
    vector = np.zeros(size, dtype=np.float32)
    vector[min(place, size - 1)] = 1.0
    return vector


def _best(options: Sequence[Option]) -> Vector:
    vector = np.zeros(ACTIONS, dtype=np.float32)
    for o in options:
        vector[o.action] = max(vector[o.action], o.confidence)
    return vector


def _counts(tried: Sequence[PolicyAction]) -> Vector:
    return np.minimum(np.bincount(tried, minlength=ACTIONS) / 4.0, 1.0).astype(np.float32)


def _past(past: Mapping[PolicyAction, Past]) -> tuple[Vector, Vector]:
    rate, sure = np.full(ACTIONS, 0.5, dtype=np.float32), np.zeros(ACTIONS, dtype=np.float32)
    for action, p in past.items():
        rate[action] = (p.successes + 1) / (p.tries + 2)
        sure[action] = 1 - 1 / math.sqrt(1 + p.tries)
    return rate, sure


def _origin(options: Sequence[Option]) -> Vector:
    best = max(options, key=lambda o: o.confidence, default=None)
    places = [i for i, name in enumerate(ORIGINS) if best and best.origin.startswith(name)]
    return _one_hot(places[0] if places else len(ORIGINS), len(ORIGINS) + 1)


def _crowd(options: Sequence[Option]) -> Vector:
    ranked = [*sorted((o.confidence for o in options), reverse=True), 0.0, 0.0]
    many, sure = min(len(options) / 8, 1.0), min(sum(c > 0.5 for c in ranked) / 8, 1.0)
    return np.array([many, sure, ranked[0] - ranked[1], ranked[0]], dtype=np.float32)


def _course(s: Situation) -> Vector:
    logs = [_log(s.reports, 1000), _log(s.minutes, 1440), _log(s.others, 100)]
    return np.array([min(len(s.tried) / 4, 1.0), *logs], dtype=np.float32)


def _log(value: float, most: float) -> float:
    return min(math.log1p(value) / math.log1p(most), 1.0)
