"""What a decision about a plan is made from; kept with the attempt, so that it can be explained and made again."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from suture.domain.decision import Routing
from suture.domain.diagnosis import Hypothesis
from suture.domain.governor import Standing
from suture.domain.impact import Impact
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import Target


class Facts(BaseModel):
    """Everything a decision is made from. It is kept with the decision, so that it can be explained and made again."""

    model_config = ConfigDict(frozen=True)

    target: Target
    severity: Severity
    hypothesis: Hypothesis
    routing: Routing
    impact: Impact | None = None
    standing: Standing = Standing()
    at: datetime
    actor: str = ""

    @property
    def plan(self) -> Plan:
        assert self.hypothesis.plan is not None  # noqa: S101 - only hypotheses with a plan are decided
        return self.hypothesis.plan
