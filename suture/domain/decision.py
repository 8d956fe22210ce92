"""Route, method, verdict and approval: who may let a plan run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

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


_CAREFUL = list(Method)  # each method is more careful than the one before


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

    def by(self, method: Method) -> Routing:
        """The same with a more careful method: the chain begins there."""
        chain = [s for s in self.fallback if _CAREFUL.index(s.method) >= _CAREFUL.index(method)]
        return self.model_copy(update={"method": method, "fallback": chain})


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

    `modifications` says in words what was changed; `method` overrides the router's; `matched` names the rules that applied;
    `conditions` holds their texts, so that it can be explained when the files are other ones;
    `without_person` says that a rule covers what the router would ask a person about.
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
    conditions: dict[str, str] = Field(default_factory=dict)
    without_person: bool = False
    approval: ApprovalNeeds | None = None


Choice = Literal[
    "approve", "reject", "escalate", "cancel", "comment", "delegate", "acknowledge", "unacknowledge"
]


class Decision(BaseModel):
    """What a person says: the input of the signals named like the choices, and of the update `decide`.

    `plan_hash` and `asked` bind the answer to one plan and one question; empty means the plan that waits now. `edits` changes
    parameters of the plan's actions ({"actions.0.replicas": 4}); `to` is whom a delegate names.
    """

    model_config = ConfigDict(extra="forbid")

    choice: Choice = "approve"
    by: str = Field(min_length=1, max_length=128)
    reason: str = Field(default="", max_length=2048)
    plan_hash: str = Field(default="", max_length=64)
    asked: int = Field(default=0, ge=0)
    edits: dict[str, JsonValue] = Field(default_factory=dict, max_length=32)
    to: str = Field(default="", max_length=128)
    at: datetime | None = None


class Vote(BaseModel):
    """One word of a person as it was taken: who, when, what, why, and about which plan of which question.

    `number` counts the incident's words; `seat` is in whose place an approval counts; `edits` says in words what was changed.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    choice: Choice
    by: str
    at: datetime
    reason: str = ""
    plan_hash: str = ""
    asked: int = 0
    seat: str = ""
    to: str = ""
    edits: list[str] = Field(default_factory=list)


class ApprovalRequest(BaseModel):
    """What waits for people: shown by the query `status`.

    `asked` numbers the incident's questions: a plan that was edited is a new question, and an answer to the old one does not
    count for it. `origin` is the hash of the plan as it was diagnosed, before anybody edited it; `level` is who was asked last.
    """

    plan_hash: str
    plan: Plan
    cause: str
    reasons: list[str]
    since: datetime
    expires_at: datetime | None = None
    asked: int = 0
    origin: str = ""
    needs: ApprovalNeeds = ApprovalNeeds()
    level: str = ""
    votes: list[Vote] = Field(default_factory=list)
    comments: list[Vote] = Field(default_factory=list)
    delegates: list[Vote] = Field(default_factory=list)
    edits: list[str] = Field(default_factory=list)

    @property
    def approvers(self) -> list[str]:
        """Who has approved this very plan so far."""
        return [v.by for v in self.votes if v.choice == "approve" and v.plan_hash == self.plan_hash]

    @property
    def missing(self) -> int:
        """How many more people must approve."""
        return max(0, self.needs.quorum - len(self.approvers))
