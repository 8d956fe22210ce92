"""A/B tests of strategies: who gets which variant, what can be said of the outcomes, and when to stop.

Allocation hashes the experiment's id with the unit (an incident's id), so every worker gives the same answer and a restart
changes nothing. Results may be looked at after every outcome: the comparison with the control is an always-valid test.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import norm

from suture.domain.errors import Invalid
from suture.domain.learning import Experiment, Variant

MIXTURE_SCALE = (
    0.1  # tau of the mixture: differences in success of about 10 points are what the test looks for first
)
BUCKETS = 1 << 32


def allocate(experiment: Experiment, unit: str) -> Variant:
    """The variant of a unit: the same for the same experiment and unit, in the wanted shares over many units.

    A shadow experiment gives everybody the control.
    """
    if experiment.shadow:
        return experiment.variants[0]
    name = f"{experiment.id}\0{unit}".encode()
    point = int.from_bytes(hashlib.sha256(name).digest()[:4], "big") / BUCKETS * 100
    reached = 0.0
    for variant in experiment.variants:
        reached += variant.traffic
        if point < reached:
            return variant
    return next(v for v in reversed(experiment.variants) if v.traffic > 0)


class Tally(BaseModel):
    """Outcomes of one variant so far."""

    model_config = ConfigDict(frozen=True)

    attempts: int = Field(default=0, ge=0)
    successes: int = Field(default=0, ge=0)

    @property
    def rate(self) -> float:
        return self.successes / self.attempts if self.attempts else 0.0


def interval(tally: Tally, minimum: int = 30, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of the success rate; (0, 1) with fewer than `minimum` outcomes: too little is known.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference": unlike the normal approximation
    it keeps its coverage near 0 and 1, where remediation lives.
    """
    n = tally.attempts
    if n < minimum:
        return 0.0, 1.0
    z = float(norm.ppf((1 + confidence) / 2))
    centre = (tally.rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(tally.rate * (1 - tally.rate) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def always_valid_p(control: Tally, other: Tally) -> float:
    """The p-value of "no difference" that stays valid however often it is looked at.

    Mixture sequential probability ratio test with a normal mixture, for the difference of two proportions: Johari, Pekelis,
    Walsh (2015), "Always valid inference", equation (6) with V the variance of the difference. 1.0 while nothing is known.
    """
    if not control.attempts or not other.attempts:
        return 1.0
    variance = sum(_variance(t) / t.attempts for t in (control, other))
    tau = MIXTURE_SCALE**2
    difference = other.rate - control.rate
    ratio = math.sqrt(variance / (variance + tau)) * math.exp(
        tau * difference**2 / (2 * variance * (variance + tau))
    )
    return min(1.0, 1.0 / ratio)


def _variance(tally: Tally) -> float:
    """Of one outcome, with one success and one failure added so that 0 of 30 does not count as certainty."""
    rate = (tally.successes + 1) / (tally.attempts + 2)
    return rate * (1 - rate)


class Say(StrEnum):
    """What can be said now."""

    WAIT = "wait"  # too few outcomes
    CONTINUE = "continue"  # no difference shown so far
    BETTER = "better"  # better than the control: stop, and let policy decide about promotion
    WORSE = "worse"  # worse than the control: stop


class Comparison(BaseModel):
    """One variant beside the control."""

    variant: str
    attempts: int
    success_rate: float
    interval: tuple[float, float]
    p_value: float | None = None  # None for the control itself
    says: Say | None = None


def compare(experiment: Experiment, tallies: Mapping[str, Tally]) -> list[Comparison]:
    """All variants, the control first. Raises Invalid for outcomes of a variant that the experiment has not."""
    unknown = set(tallies) - {v.name for v in experiment.variants}
    if unknown:
        raise Invalid(f"the experiment {experiment.id} has no variant {', '.join(sorted(unknown))}")
    control = tallies.get(experiment.variants[0].name, Tally())
    return [
        _compared(experiment, v, control, tallies.get(v.name, Tally()), is_control=i == 0)
        for i, v in enumerate(experiment.variants)
    ]


def _compared(
    experiment: Experiment, variant: Variant, control: Tally, own: Tally, is_control: bool
) -> Comparison:
    p = None if is_control else always_valid_p(control, own)
    return Comparison(
        variant=variant.name,
        attempts=own.attempts,
        success_rate=own.rate,
        interval=interval(own, experiment.minimum, experiment.confidence),
        p_value=p,
        says=None if p is None else _say(experiment, control, own, p),
    )


def _say(experiment: Experiment, control: Tally, own: Tally, p: float) -> Say:
    if min(control.attempts, own.attempts) < experiment.minimum:
        return Say.WAIT
    comparisons = (
        len(experiment.variants) - 1
    )  # Bonferroni: several variants have several chances to look better
    if p * comparisons > 1 - experiment.confidence:
        return Say.CONTINUE
    return Say.BETTER if own.rate > control.rate else Say.WORSE
