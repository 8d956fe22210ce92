"""The policy engine: guardrails first, then the rules; the strictest matching effect wins, and an error denies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from policies.expressions import ExpressionError
from policies.guardrails import Guardrails
from policies.rules import Effect, Policy, Rule
from suture.domain.decision import Method, Routing, Verdict, VerdictKind
from suture.domain.diagnosis import Hypothesis
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import Target


class PolicyEngine:
    """Decides whether a plan may run, and whether a person must agree."""

    def __init__(self, policies: Sequence[Policy], guardrails: Guardrails) -> None:
        self._policies = list(policies)
        self._guardrails = guardrails
        self.hash = hashlib.sha256("".join(p.hash for p in policies).encode()).hexdigest()[:16]

    def decide(self, target: Target, severity: Severity, hypothesis: Hypothesis, routing: Routing) -> Verdict:
        """The verdict on the hypothesis's plan (which must be there)."""
        plan = hypothesis.plan
        assert plan is not None  # noqa: S101 - classify offers only hypotheses with a plan
        objections = self._guardrails.objections(plan)
        if objections:
            return self._verdict(VerdictKind.DENIED, objections)
        try:
            matching = self._matching(context(target, severity, hypothesis, plan, routing))
        except ExpressionError as e:
            return self._verdict(
                VerdictKind.DENIED, [f"a policy could not be evaluated, so the plan is denied: {e}"]
            )
        denied = [r for r in matching if r.effect is Effect.DENY]
        if denied:
            return self._verdict(VerdictKind.DENIED, _reasons(denied))
        return self._approved(plan, routing, matching)

    def _approved(self, plan: Plan, routing: Routing, matching: list[Rule]) -> Verdict:
        approving = [r for r in matching if r.effect is Effect.APPROVE]
        asks = _reasons(
            [r for r in matching if r.effect is Effect.REQUIRE_APPROVAL]
        ) + self._guardrails.needs_person(plan)
        if not approving and not asks:
            asks.append("no policy lets this run without a person")
        if routing.error is not None:
            asks.append(f"the router failed: {routing.error}")
        elif routing.method is Method.REQUIRE_APPROVAL and not any(r.without_person for r in approving):
            asks.append(f"the router asks for approval (score {routing.hybrid_score:.2f})")
        return self._verdict(VerdictKind.APPROVED, asks or _reasons(approving), plan, bool(asks))

    def _matching(self, variables: dict[str, Any]) -> list[Rule]:
        return [rule for policy in self._policies for rule in policy.rules if rule.matches(variables)]

    def _verdict(
        self, kind: VerdictKind, reasons: list[str], plan: Plan | None = None, needs_person: bool = False
    ) -> Verdict:
        return Verdict(
            kind=kind, reasons=reasons, plan=plan, needs_person=needs_person, policy_hash=self.hash
        )


def _reasons(rules: list[Rule]) -> list[str]:
    return [f"{r.name}: {r.reason}" if r.reason else r.name for r in rules]


def context(
    target: Target, severity: Severity, hypothesis: Hypothesis, plan: Plan, routing: Routing
) -> dict[str, Any]:
    """What a rule's `when` can speak of: incident, hypothesis, plan, route."""
    return {
        "incident": {
            "severity": str(severity),
            "failure_type": str(hypothesis.failure_type),
            "target": target.model_dump(),
        },
        "hypothesis": {
            "origin": hypothesis.origin,
            "confidence": hypothesis.confidence,
            "cause": hypothesis.cause,
        },
        "plan": {
            "risk": str(plan.risk),
            "reversible": plan.reversible,
            "actions": [
                {
                    **a.model_dump(mode="json", exclude={"expect"}),
                    "risk": str(a.risk),
                    "reversibility": str(a.reversibility),
                    "disrupts": a.disrupts,
                }
                for a in plan.actions
            ],
        },
        "route": {"name": str(routing.route), "method": str(routing.method), "score": routing.hybrid_score},
    }
