"""Policy files: rules with a CEL condition and an effect, checked when they are loaded, with line numbers in errors."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from policies.checking import problem
from policies.context import described
from policies.expressions import Expression, ExpressionError, Variables
from policies.files import read
from suture.domain.decision import Method, Mode

HERE = Path(__file__).parent
ASK = HERE / "ask.yaml"
AUTOPILOT = HERE / "autopilot.yaml"


class Effect(StrEnum):
    """What a rule says when its condition holds. The strictest effect of all matching rules wins."""

    APPROVE = "approve"
    MODIFY = "modify"
    REQUIRE_APPROVAL = "require_approval"
    DENY = "deny"


class Approvers(BaseModel):
    """Whose word a rule asks for: so many different people, each with one of the roles, asked from a level on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quorum: int = Field(default=1, ge=1, le=10)
    roles: list[str] = Field(default_factory=list)
    level: str = "L1"
    expires_seconds: float | None = Field(default=None, gt=0)


class Change(BaseModel):
    """What a rule makes of a plan: `at_most` bounds number parameters of its actions ({"replicas": 6}), `mode` lets it only be
    tried by the server's dry run or only be proposed, `method` overrides the router's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at_most: dict[str, float] = Field(default_factory=dict)
    mode: Mode | None = None
    method: Method | None = None

    @model_validator(mode="after")
    def _something(self) -> Change:
        if not self.at_most and self.mode is None and self.method is None:
            raise ValueError("a change says at_most, mode or method")
        return self


class Rule(BaseModel):
    """One rule. `without_person` lets an approval also cover plans for which the router asks a person; `approvers` goes with
    require_approval, `change` with modify."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=128)
    when: str
    effect: Effect
    reason: str = ""
    without_person: bool = False
    approvers: Approvers | None = None
    change: Change | None = None
    _condition: Expression = PrivateAttr()

    @field_validator("when")
    @classmethod
    def _speaks_of_what_there_is(cls, when: str) -> str:
        try:
            Expression(when)
        except ExpressionError as e:
            raise ValueError(str(e)) from e
        wrong = problem(when, described())
        if wrong:
            raise ValueError(f"{when.strip()!r}: {wrong}")
        return when

    def model_post_init(self, _context: Any) -> None:
        self._condition = Expression(self.when)

    @model_validator(mode="after")
    def _fits_effect(self) -> Rule:
        if (self.change is not None) != (self.effect is Effect.MODIFY):
            raise ValueError("modify needs a change, and only modify has one")
        if self.approvers is not None and self.effect is not Effect.REQUIRE_APPROVAL:
            raise ValueError("only require_approval has approvers")
        if self.without_person and self.effect is not Effect.APPROVE:
            raise ValueError("only approve can be without_person")
        return self

    def matches(self, context: dict[str, Any] | Variables) -> bool:
        """Whether the condition holds; raises ExpressionError when it cannot be answered."""
        return self._condition.test(context)


class Policy(BaseModel):
    """One file of rules."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, le=1)
    name: str
    rules: list[Rule]
    hash: str = ""


def load_policy(path: Path) -> Policy:
    """Read and check a policy file; raises Invalid that names the file, the line and what to do."""
    policy, text = read(path, Policy, "policy")
    return policy.model_copy(update={"hash": hashlib.sha256(text.encode()).hexdigest()[:16]})
