"""Route, method, verdict and approval: who may let a plan run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.plan import Plan


class Route(StrEnum):
    """Who decides: rules, models, or both weighted."""

    RULE_BASED = "rule_based"
    AI_DRIVEN = "ai_driven"
    HYBRID = "hybrid"


class Method(StrEnum):
    """How a plan is carried out."""

    EXECUTE = "execute"
    EXECUTE_WITH_MONITORING = "execute_with_monitoring"
    REQUIRE_APPROVAL = "require_approval"


class FallbackStep(BaseModel):
    """One link of the fallback chain: a method and how long its execution may take, in seconds."""

    model_config = ConfigDict(frozen=True)

    method: Method
    timeout_seconds: float = Field(gt=0)


class Routing(BaseModel):
    """The result of route. Scores are between 0 and 1; `fallback` starts with the chosen method."""

    route: Route
    method: Method
    reason: str
    hybrid_score: float
    rule_contribution: float = 0.0
    ai_contribution: float = 0.0
    fallback: list[FallbackStep] = Field(default_factory=list)
    error: str | None = None


class VerdictKind(StrEnum):
    """What the policy engine says of a plan."""

    APPROVED = "approved"
    DENIED = "denied"
    MODIFIED = "modified"


class Mode(StrEnum):
    """What becomes of an approved plan: it runs, it is only tried by the server's dry run, or it is only proposed."""

    ACT = "act"
    DRY_RUN = "dry_run"
    PROPOSE = "propose"


class ApprovalNeeds(BaseModel):
    """Whose word a plan needs: `quorum` different people, each with one of `roles` (empty: anybody), asked from `level` on.

    `eligible` are the names that the access file gives those roles (empty: the installation names nobody, anybody counts).
    """

    model_config = ConfigDict(frozen=True)

    quorum: int = Field(default=1, ge=1, le=10)
    roles: list[str] = Field(default_factory=list)
    level: str = "L1"
    eligible: list[str] = Field(default_factory=list)
    expires_seconds: float | None = Field(default=None, gt=0)


class Verdict(BaseModel):
    """A decision with its reasons. `plan` is the plan that may run (narrowed when modified); `policy_hash` names the rules.

    `modifications` says in words what was changed; `method` overrides the router's; `matched` names the rules that applied.
    """

    kind: VerdictKind
    reasons: list[str] = Field(default_factory=list)
    plan: Plan | None = None
    needs_person: bool = False
    policy_hash: str = ""
    mode: Mode = Mode.ACT
    method: Method | None = None
    modifications: list[str] = Field(default_factory=list)
    matched: list[str] = Field(default_factory=list)
    approval: ApprovalNeeds | None = None


class Decision(BaseModel):
    """What a person says: the input of the signals approve, reject, escalate and cancel, and of the update `decide`.

    `plan_hash` binds the answer to one plan; empty means the plan that waits now.
    """

    model_config = ConfigDict(extra="forbid")

    choice: Literal["approve", "reject", "escalate", "cancel"] = "approve"
    by: str = Field(min_length=1, max_length=128)
    reason: str = Field(default="", max_length=2048)
    plan_hash: str = Field(default="", max_length=64)
    at: datetime | None = None


class ApprovalRequest(BaseModel):
    """What waits for a person: shown by the query `status`."""

    plan_hash: str
    plan: Plan
    cause: str
    reasons: list[str]
    since: datetime
    expires_at: datetime | None = None
