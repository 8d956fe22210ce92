"""The words of the models' life: a version with its lineage, the stages it passes through, and experiments."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
TRAFFIC_TOLERANCE = 0.01  # percent by which the shares of an experiment may miss 100


class ModelStage(StrEnum):
    """Where a version stands. One version of a name is the champion; a shadow's answers are recorded, never used."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CHAMPION = "champion"
    ARCHIVED = "archived"


class ModelVersion(BaseModel):
    """One trained model: what it was made from, how good it was, and the hash of its artefact.

    `data_hash` and `code_hash` name the training data and code; `parent` is the version it was trained on from.
    """

    model_config = ConfigDict(frozen=True)

    name: ModelName
    version: int = Field(ge=1)
    stage: ModelStage = ModelStage.CANDIDATE
    metrics: dict[str, float] = Field(default_factory=dict)
    data_hash: Sha256
    code_hash: Sha256
    artefact: Sha256
    parent: int | None = Field(default=None, ge=1)
    created_at: datetime
    created_by: str
    note: str = ""


class Transition(BaseModel):
    """One change of a version's stage: who, when, why."""

    model_config = ConfigDict(frozen=True)

    name: ModelName
    version: int
    before: ModelStage
    after: ModelStage
    at: datetime
    by: str
    why: str


class Variant(BaseModel):
    """One arm of an experiment. `traffic` is its share in percent; `strategy` says what it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ModelName
    traffic: float = Field(ge=0, le=100)
    strategy: dict[str, Any] = Field(default_factory=dict)


class Experiment(BaseModel):
    """An A/B test of strategies. The first variant is the control that the others are compared with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ModelName
    variants: list[Variant] = Field(min_length=2, max_length=10)
    shadow: bool = Field(
        default=False, description="every unit gets the control; the others only say what they would do"
    )
    minimum: int = Field(
        default=30, ge=1, description="outcomes of a variant before anything is said about it"
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1)

    @model_validator(mode="after")
    def _adds_up(self) -> Experiment:
        total = sum(v.traffic for v in self.variants)
        if abs(total - 100) > TRAFFIC_TOLERANCE:
            raise ValueError(f"the traffic of the variants must add up to 100 percent, not {total:g}")
        names = [v.name for v in self.variants]
        if len(set(names)) != len(names):
            raise ValueError("two variants have the same name")
        return self


class ExperimentState(BaseModel):
    """An experiment with what is known of it: outcomes as {variant: (attempts, successes)}."""

    experiment: Experiment
    status: Literal["running", "ended"] = "running"
    created_by: str
    ended_why: str = ""
    outcomes: dict[str, tuple[int, int]] = Field(default_factory=dict)
