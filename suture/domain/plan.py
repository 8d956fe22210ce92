"""A plan: what to change, in which order, and what must hold afterwards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.action import Action, Reversibility, Risk, digest
from suture.domain.target import ObjectRef


class WorkloadHealthy(BaseModel):
    """Every wanted replica of the object is updated, ready and available (a node: ready; other kinds: it exists)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["healthy"] = "healthy"
    object: ObjectRef


class FieldEquals(BaseModel):
    """A field has exactly this value; `path` is dotted, list items by index or by their name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["field_equals"] = "field_equals"
    object: ObjectRef
    path: str
    value: Any


class Exists(BaseModel):
    """The object exists and is not being deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exists"] = "exists"
    object: ObjectRef


class Gone(BaseModel):
    """The object does not exist, or is being deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gone"] = "gone"
    object: ObjectRef


Check = Annotated[WorkloadHealthy | FieldEquals | Exists | Gone, Field(discriminator="kind")]


class Plan(BaseModel):
    """An ordered list of actions with the checks that must hold afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: list[Action] = Field(min_length=1, max_length=32)
    checks: list[Check] = Field(default_factory=list, max_length=64)

    @property
    def hash(self) -> str:
        """Names exactly this list of changes: an approval counts for one hash only."""
        return digest(*(a.model_dump_json() for a in self.actions))

    @property
    def signature(self) -> str:
        """The same changes whatever the object's state (`expect`) was: a change is not tried twice in one incident."""
        return digest(
            *(a.model_copy(update={"expect": type(a.expect)()}).model_dump_json() for a in self.actions)
        )

    @property
    def risk(self) -> Risk:
        order = list(Risk)
        return max((a.risk for a in self.actions), key=order.index)

    @property
    def reversible(self) -> bool:
        return all(a.reversibility is not Reversibility.NONE for a in self.actions)

    def describe(self) -> str:
        """One line for people."""
        return "; then ".join(a.describe() for a in self.actions)
