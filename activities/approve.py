"""approve: what guardrails and policies say of a plan. Pure computation, so a local activity; people answer by signal."""

from __future__ import annotations

from pydantic import BaseModel
from temporalio import activity

from policies.verdict import PolicyEngine
from suture.domain.decision import Routing, Verdict
from suture.domain.diagnosis import Hypothesis
from suture.domain.incident import Options
from suture.domain.stages import Severity
from suture.domain.target import Target


class ApproveRequest(BaseModel):
    """A routed hypothesis with its plan."""

    target: Target
    severity: Severity
    hypothesis: Hypothesis
    routing: Routing


class Approve:
    """Asks the policy engine. Also answers what this installation's options are, for incidents started by hand."""

    def __init__(self, policy: PolicyEngine, options: Options) -> None:
        self._policy = policy
        self._options = options

    @activity.defn(name="approve")
    async def approve(self, request: ApproveRequest) -> Verdict:
        """Never raises on a policy's error: that denies."""
        return self._policy.decide(request.target, request.severity, request.hypothesis, request.routing)

    @activity.defn(name="options")
    async def options(self) -> Options:
        """The installation's options."""
        return self._options
