"""What is looked for in metrics on schedule, and what was found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from suture.domain.report import Report
from suture.domain.stages import Severity

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
SOURCE = "anomaly"
MAX_POINTS = 11_000  # that Prometheus returns for one series


class Look(StrEnum):
    """What a rule asks: is it strange, when is it full, when does it expire."""

    ANOMALY = "anomaly"
    SATURATION = "saturation"
    EXPIRY = "expiry"


class Series(BaseModel):
    """One metric over time: seconds since 1970 and values, oldest first; NaN where there was none."""

    model_config = ConfigDict(frozen=True)

    labels: dict[str, str] = Field(default_factory=dict)
    times: list[float]
    values: list[float]


class ScanRule(BaseModel):
    """One PromQL query and what is asked of its answer. Times in seconds.

    `labels` name the target as an alert's labels do; the series' own labels count where these say nothing. An anomaly is judged
    over the last `recent` seconds against what came before them, a saturation by `limit` (falling: from above) within `horizon`,
    an expiry by values that are the moment of it (seconds since 1970) within `horizon`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    query: Annotated[str, StringConstraints(min_length=1, max_length=4096)]
    look: Look = Look.ANOMALY
    labels: dict[str, str] = Field(default_factory=dict)
    severity: Severity = Severity.MEDIUM
    lookback: float = Field(default=21_600, gt=0)
    step: float = Field(default=60, gt=0)
    recent: float = Field(default=600, gt=0)
    limit: float | None = None
    falling: bool = False
    season: float = Field(default=86_400, gt=0)
    horizon: float = Field(default=86_400, gt=0)

    @model_validator(mode="after")
    def _fits(self) -> ScanRule:
        if self.look is Look.SATURATION and self.limit is None:
            raise ValueError(f"rule {self.name}: a saturation needs a limit")
        if self.lookback / self.step > MAX_POINTS:
            raise ValueError(
                f"rule {self.name}: more than {MAX_POINTS} points: raise step or shorten lookback"
            )
        if self.look is Look.ANOMALY and self.recent >= self.lookback:
            raise ValueError(f"rule {self.name}: recent must be shorter than lookback")
        return self


class ScanRules(BaseModel):
    """The file of rules; names are unique, for they name what fires."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: list[ScanRule] = Field(min_length=1, max_length=500)

    @model_validator(mode="before")
    @classmethod
    def _unique(cls, data: Any) -> Any:
        names = (
            [r.get("name") for r in data.get("rules", []) if isinstance(r, dict)]
            if isinstance(data, dict)
            else []
        )
        if twice := {str(n) for n in names if names.count(n) > 1}:
            raise ValueError(f"rules are named twice: {', '.join(sorted(twice))}")
        return data


class Finding(BaseModel):
    """What a rule found about one target; `labels` are those that name it."""

    model_config = ConfigDict(frozen=True)

    rule: str
    labels: dict[str, str]
    reason: str
    summary: str
    severity: Severity
    details: dict[str, str] = Field(default_factory=dict)


class Firing(BaseModel):
    """A report that was made and is not over; `said_at` in seconds since 1970."""

    report: Report
    said_at: float


class ScanResult(BaseModel):
    """What fires after a scan, and the rules that could not be asked."""

    firing: list[Firing] = Field(default_factory=list)
    failed: dict[str, str] = Field(default_factory=dict)
    rules: int = 0
