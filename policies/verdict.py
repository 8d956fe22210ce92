"""The policy engine: guardrails first, then the rules; the strictest matching effect wins, and an error denies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from typing import Any

from policies.context import context
from policies.expressions import ExpressionError, Variables
from policies.guardrails import Guardrails
from policies.modify import Modified, modify
from policies.rules import Effect, Policy, Rule
from suture.domain.decision import ApprovalNeeds, Method, Mode, Verdict, VerdictKind
from suture.domain.facts import Facts
from suture.domain.plan import Plan

Eligible = Callable[
    [list[str]], list[str] | None
]  # names of those with one of these roles; None: nobody is named at all


class PolicyEngine:
    """Decides whether a plan may run, as what, and whose word it needs. It reads nothing but the facts it is given."""

    def __init__(
        self,
        policies: Sequence[Policy],
        guardrails: Guardrails,
        eligible: Eligible = lambda _roles: None,
        time_zone: tzinfo = UTC,
    ) -> None:
        self._policies = list(policies)
        self._guardrails = guardrails
        self._eligible = eligible
        self._time_zone = time_zone
        self.hash = hashlib.sha256("".join(p.hash for p in policies).encode()).hexdigest()[:16]

    def decide(self, facts: Facts) -> Verdict:
        """The verdict on the plan of the hypothesis; never raises for what a policy says."""
        try:
            matching = self._matching(facts)
        except ExpressionError as e:
            return self._denied([f"a policy could not be evaluated, so the plan is denied: {e}"])
        denied = [r for r in matching if r.effect is Effect.DENY]
        objections = self._objections(facts, facts.plan)
        if objections or denied:
            return self._denied(objections or _reasons(denied), matching)
        try:
            changed = modify(facts.plan, [r for r in matching if r.effect is Effect.MODIFY])
        except ValueError as e:
            return self._denied([f"a policy made a plan that makes no sense, so it is denied: {e}"], matching)
        late = self._objections(facts, changed.plan) or self._nobody(matching)
        return self._denied(late, matching) if late else self._approved(facts, changed, matching)

    def _objections(self, facts: Facts, plan: Plan) -> list[str]:
        """What the guardrails say of a plan that a person or a policy may have changed since its reach was read."""
        reach = facts.impact.after_edits(plan) if facts.impact else None
        return self._guardrails.objections(plan, reach, facts.hypothesis.origin)

    def _nobody(self, matching: list[Rule]) -> list[str]:
        """A rule that asks for somebody who does not exist would otherwise be content with anybody."""
        asking = [r for r in matching if r.effect is Effect.REQUIRE_APPROVAL]
        names, quorum = (
            self._names(asking),
            max((r.approvers.quorum for r in asking if r.approvers), default=1),
        )
        if names is not None and 0 < len(names) < quorum:
            return [f"{quorum} people must approve, but only {len(names)} may: {', '.join(names)}"]
        if names != []:
            return []
        roles = ", ".join(sorted({role for r in asking if r.approvers for role in r.approvers.roles}))
        return [f"nobody has the role that the policies ask for ({roles}): name somebody in the access file"]

    def _names(self, asking: list[Rule]) -> list[str] | None:
        """Who satisfies every rule that asks for a role; None when no rule does, or the installation names nobody."""
        sets = [
            set(names)
            for r in asking
            if r.approvers and r.approvers.roles and (names := self._eligible(r.approvers.roles)) is not None
        ]
        return sorted(set.intersection(*sets)) if sets else None

    def _approved(self, facts: Facts, changed: Modified, matching: list[Rule]) -> Verdict:
        proposals = self._guardrails.proposals(facts.plan, facts.impact)
        approving = [r for r in matching if r.effect is Effect.APPROVE]
        asking = [r for r in matching if r.effect is Effect.REQUIRE_APPROVAL]
        asks = _reasons(asking) + self._guardrails.needs_person(changed.plan) + facts.standing.asks
        if not approving and not asks:
            asks.append("no policy lets this run without a person")
        asks += self._router_asks(facts, changed, approving)
        mode = Mode.PROPOSE if proposals else changed.mode
        acts = mode is Mode.ACT
        return Verdict(
            kind=VerdictKind.MODIFIED if changed.words or proposals else VerdictKind.APPROVED,
            reasons=proposals or asks or _reasons(approving) or changed.words,
            plan=changed.plan,
            needs_person=bool(asks) and acts,  # nothing is asked about what changes nothing
            policy_hash=self.hash,
            mode=mode,
            method=_more_careful(changed.method, facts.routing.method),
            modifications=[*changed.words, *proposals],
            **_applied(matching),
            without_person=any(r.without_person for r in approving),
            approval=self._needs(asking) if asks and acts else None,
        )

    def _router_asks(self, facts: Facts, changed: Modified, approving: list[Rule]) -> list[str]:
        routing = facts.routing
        if routing.error is not None:
            return [f"the router failed: {routing.error}"]
        if changed.method is Method.REQUIRE_APPROVAL:
            return ["a policy asks for approval"]
        method = changed.method or routing.method
        if method is Method.REQUIRE_APPROVAL and not any(r.without_person for r in approving):
            return [f"the router asks for approval (score {routing.hybrid_score:.2f})"]
        return []

    def _needs(self, asking: list[Rule]) -> ApprovalNeeds:
        """The strictest of all rules that ask: the largest quorum, people who satisfy every rule, the highest level, the
        shortest time.
        """
        wanted = [r.approvers for r in asking if r.approvers]
        return ApprovalNeeds(
            quorum=max((a.quorum for a in wanted), default=1),
            roles=sorted({role for a in wanted for role in a.roles}),
            level=max((a.level for a in wanted), default="L1"),
            eligible=self._names(asking) or [],
            expires_seconds=min((a.expires_seconds for a in wanted if a.expires_seconds), default=None),
        )

    def _matching(self, facts: Facts) -> list[Rule]:
        variables = Variables(context(facts, self._time_zone))
        return [rule for policy in self._policies for rule in policy.rules if rule.matches(variables)]

    def _denied(self, reasons: list[str], matching: Sequence[Rule] = ()) -> Verdict:
        return Verdict(kind=VerdictKind.DENIED, reasons=reasons, policy_hash=self.hash, **_applied(matching))


def _applied(rules: Sequence[Rule]) -> dict[str, Any]:
    return {"matched": [r.name for r in rules], "conditions": {r.name: r.when for r in rules}}


def _reasons(rules: list[Rule]) -> list[str]:
    return [f"{r.name}: {r.reason}" if r.reason else r.name for r in rules]


def _more_careful(wanted: Method | None, routed: Method) -> Method | None:
    """A policy makes the router's choice more careful, never less."""
    order = list(Method)
    return wanted if wanted and order.index(wanted) > order.index(routed) else None
