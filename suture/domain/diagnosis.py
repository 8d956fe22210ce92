"""What detect and classify say: symptoms, evidence, hypotheses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.governor import Standing
from suture.domain.impact import Impact
from suture.domain.plan import Plan
from suture.domain.target import ObjectRef, Target


class FailureType(StrEnum):
    """What went wrong, as far as Kubernetes itself tells (the label of metrics and search attributes)."""

    IMAGE_PULL = "image_pull"
    CRASH_LOOP = "crash_loop"
    OOM_KILLED = "oom_killed"
    UNSCHEDULABLE = "unschedulable"
    SCALED_TO_ZERO = "scaled_to_zero"
    NODE_NOT_READY = "node_not_ready"
    MISSING_REFERENCE = "missing_reference"
    ROLLOUT_FAILED = "rollout_failed"
    NOT_READY = "not_ready"
    MISSING_OBJECT = "missing_object"
    FAILED_CREATE = "failed_create"
    JOB_FAILED = "job_failed"
    TRAFFIC = "traffic"  # users are not served although the pods look well
    AUTOSCALER = "autoscaler"
    DISRUPTION_BUDGET = "disruption_budget"
    QUOTA = "quota"
    SUSPENDED = "suspended"  # a cron job that does not run when it should
    STUCK_DELETING = "stuck_deleting"
    UNKNOWN = "unknown"


class Symptom(BaseModel):
    """One thing that is visibly wrong with one object. `since` is when it began, as far as the cluster tells."""

    model_config = ConfigDict(frozen=True)

    failure_type: FailureType
    object: ObjectRef  # where it shows: often a pod
    owner: ObjectRef  # the top owner, which is the target
    reason: str = ""
    message: str = ""
    container: str = ""
    since: datetime | None = None
    restarts: int = 0

    @property
    def key(self) -> str:
        """The same trouble of the same owner, whichever of its pods shows it."""
        return f"{self.owner}:{self.failure_type}:{self.container}"


class Health(StrEnum):
    """What detect settles."""

    HEALTHY = "healthy"
    SETTLING = "settling"  # trouble that may still heal itself: look again in `recheck_seconds`
    UNHEALTHY = "unhealthy"
    GONE = "gone"  # the target does not exist and nothing refers to it
    UNSURE = "unsure"  # the alert says what the cluster cannot refute, and nothing supports it: ask, change nothing


class Detection(BaseModel):
    """The result of detect: is there a problem at all, and what does it look like."""

    health: Health
    summary: str
    symptoms: list[Symptom] = Field(default_factory=list)
    elsewhere: list[Symptom] = Field(
        default_factory=list, description="trouble of others in the namespace at this moment"
    )
    recheck_seconds: float = Field(default=0.0, ge=0)
    evidence: str | None = None  # id of the full evidence in the database
    observed_at: datetime
    incident_id: str = ""


class Hypothesis(BaseModel):
    """A suspected cause with the plan that would mend it. `origin` names the detector, ledger or playbook that says so.

    `confidence` is a probability between 0 and 1; `why` explains it in words, one reason an entry. A hypothesis without a
    plan tells a person what is wrong when the engine has nothing to offer.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    failure_type: FailureType
    origin: str
    cause: str
    confidence: float = Field(ge=0, le=1)
    why: list[str] = Field(default_factory=list)
    plan: Plan | None = None


class Classification(BaseModel):
    """The result of classify: hypotheses, best first."""

    hypotheses: list[Hypothesis]
    health: Health = Health.UNHEALTHY
    failure_type: FailureType = FailureType.UNKNOWN
    ai_confidence: float = Field(default=0.5, ge=0, le=1)
    target: Target | None = None
    cause: Target | None = (
        None  # a shared object that troubles several targets: its own incident heals them all
    )
    impacts: dict[str, Impact] = Field(default_factory=dict, description="by the plan's hash")
    standing: Standing = Standing()

    def next(self, tried: frozenset[str]) -> Hypothesis | None:
        """The best hypothesis with a plan that was not tried yet."""
        return next((h for h in self.hypotheses if h.plan and h.plan.signature not in tried), None)
