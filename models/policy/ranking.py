"""Where the policy meets the engine: the ranked hypotheses of classify go in, the same hypotheses in the policy's order come out.

The policy sees only plans that guardrails let through and that were not tried; it can neither add a plan nor change one, and
whatever is wrong with it leaves the order as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.policy.actions import PolicyAction, policy_action
from models.policy.network import LearnedPolicy
from models.policy.state import Option, Past, Situation, encode, mask
from suture.domain.diagnosis import Hypothesis
from suture.domain.errors import SutureError


@dataclass(frozen=True)
class Ranked:
    """Hypotheses in the policy's order. `confidence` is its probability of the first plan; None when it did not decide."""

    hypotheses: list[Hypothesis]
    confidence: float | None
    why: str


def rank(
    policy: LearnedPolicy,
    hypotheses: Sequence[Hypothesis],
    situation: Situation,
    forbidden: Mapping[str, str],
) -> Ranked:
    """Order the plans by the policy's probability of their action, then by their own confidence.

    `situation` needs no options: they are the plans here. `forbidden` gives guardrails' objections by plan hash; such plans
    keep their place behind all others and never reach the policy.
    """
    allowed = [h for h in hypotheses if h.plan and h.plan.hash not in forbidden]
    if not allowed:
        return Ranked(list(hypotheses), None, "no plan is allowed: nothing to rank")
    options = [
        Option(action=policy_action(h.plan), confidence=h.confidence, origin=h.origin)
        for h in allowed
        if h.plan
    ]
    seen = situation.model_copy(update={"options": options})
    try:
        odds = policy.probabilities(encode(seen), mask(seen))
    except SutureError as e:
        return Ranked(
            list(hypotheses), None, f"the action policy gave no answer, so the order is the detectors': {e}"
        )
    order = sorted(
        range(len(allowed)), key=lambda i: (-odds[options[i].action], -allowed[i].confidence, allowed[i].id)
    )
    first = [allowed[i] for i in order]
    rest = [h for h in hypotheses if h not in first]
    share = float(odds[options[order[0]].action])
    person = float(odds[PolicyAction.CALL_PERSON])
    why = f"the action policy puts {share:.0%} on {options[order[0]].action.name.lower()} and {person:.0%} on calling a person"
    return Ranked([*first, *rest], share, why)


def past_of(outcomes: Sequence[tuple[PolicyAction, bool]]) -> dict[PolicyAction, Past]:
    """Tries and successes by action, from what memory has of one failure type."""
    counts: dict[PolicyAction, tuple[int, int]] = {}
    for action, worked in outcomes:
        tries, wins = counts.get(action, (0, 0))
        counts[action] = (tries + 1, wins + int(worked))
    return {a: Past(tries=t, successes=w) for a, (t, w) in counts.items()}
