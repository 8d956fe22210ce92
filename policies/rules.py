"""Policy files: rules with a CEL condition and an effect, checked when they are loaded, with line numbers in errors."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from policies.expressions import Expression, ExpressionError
from suture.domain.errors import Invalid

HERE = Path(__file__).parent
ASK = HERE / "ask.yaml"
AUTOPILOT = HERE / "autopilot.yaml"


class Effect(StrEnum):
    """What a rule says when its condition holds. The strictest effect of all matching rules wins."""

    APPROVE = "approve"
    REQUIRE_APPROVAL = "require_approval"
    DENY = "deny"


class Rule(BaseModel):
    """One rule. `without_person` lets an approval also cover plans for which the router asks a person."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=128)
    when: str
    effect: Effect
    reason: str = ""
    without_person: bool = False
    _condition: Expression = PrivateAttr()

    def model_post_init(self, _context: Any) -> None:
        try:
            self._condition = Expression(self.when)
        except ExpressionError as e:
            raise ValueError(str(e)) from e

    def matches(self, context: dict[str, Any]) -> bool:
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
    try:
        text = path.read_text()
    except OSError as e:
        raise Invalid(f"cannot read the policy {path}: {e.strerror}") from e
    try:
        node = yaml.compose(text)
        policy = Policy.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as e:
        raise Invalid(f"{path} is not YAML: {e}") from e
    except ValidationError as e:
        found = [
            f"line {_line(node, err['loc'])}: {'.'.join(map(str, err['loc']))}: {err['msg']}"
            for err in e.errors()
        ]
        raise Invalid(f"the policy {path} is not valid:\n  " + "\n  ".join(found)) from e
    return policy.model_copy(update={"hash": hashlib.sha256(text.encode()).hexdigest()[:16]})


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) where a validation error's location begins; the nearest parent when the key is missing."""
    for part in location:
        if isinstance(node, yaml.MappingNode):
            below = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if below is None:
                break
            node = below[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
    return node.start_mark.line + 1 if node else 1
