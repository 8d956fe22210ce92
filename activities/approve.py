"""approve: what guardrails and policies say of a plan. Pure computation, so a local activity; people answer by signal."""

from __future__ import annotations

from temporalio import activity

from policies.reload import Reloading
from suture.domain.decision import Verdict
from suture.domain.facts import Facts
from suture.domain.incident import Options


class Approve:
    """Asks the policy engine. Also answers what this installation's options are, for incidents started by hand."""

    def __init__(self, policy: Reloading, options: Options) -> None:
        self._policy = policy
        self._options = options

    @activity.defn(name="approve")
    async def approve(self, facts: Facts) -> Verdict:
        """Never raises on a policy's error: that denies."""
        return self._policy.engine().decide(facts)

    @activity.defn(name="options")
    async def options(self) -> Options:
        """The installation's options."""
        return self._options
