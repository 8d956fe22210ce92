"""The governor's words: what limits the engine as a whole, and whose turn it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target


class Standing(BaseModel):
    """How things stand for the engine as a whole, read together with the cluster: what policies and people should know
    before a plan is approved. Each text says who or what and why; empty means that it does not apply.
    """

    model_config = ConfigDict(frozen=True)

    stopped: str = ""  # the global stop: nothing changes, undo included
    frozen: str = ""  # a change freeze: only what a person approves runs
    maintenance: str = ""  # maintenance mode: alerts are expected, only what a person approves runs
    storm: str = ""  # too many incidents at once: only what a person approves runs
    exhausted: str = ""  # the day's budget of automatic actions is used up: only what a person approves runs

    @property
    def asks(self) -> list[str]:
        """Every reason for which a person must agree first."""
        return [r for r in (self.frozen, self.maintenance, self.storm, self.exhausted) if r]


class Turn(BaseModel):
    """A request to act: who wants to change what. `holder` is the incident's workflow id: asking again changes nothing.

    `kinds` and `objects` have one entry an action of the plan; `step` is the number of the action that wants to begin now
    and `plan` names this attempt at this plan. An `undo` of one's own change is held back by the global stop alone.
    """

    model_config = ConfigDict(frozen=True)

    holder: str
    incident_id: str
    target: Target
    severity: Severity
    kinds: list[str] = Field(default_factory=list, description="the plan's action kinds, one an action")
    objects: list[ObjectRef] = Field(default_factory=list, description="what each of them changes")
    plan: str = ""
    step: int = Field(default=0, ge=0)
    by_person: bool = Field(default=False, description="a person approved the plan")
    undo: bool = False
    since: datetime | None = Field(default=None, description="when it began to wait")


class AdmissionState(StrEnum):
    """What the governor answers."""

    GRANTED = "granted"
    WAIT = "wait"  # the resource is busy or the rate is used up: the turn comes by itself
    ASK = "ask"  # only with a person's word
    STOPPED = "stopped"  # the global stop: wait until it is lifted


class Admission(BaseModel):
    """The answer to a `Turn`; `retry_seconds` is when to ask again if nobody calls before."""

    model_config = ConfigDict(frozen=True)

    state: AdmissionState
    reasons: list[str] = Field(default_factory=list)
    retry_seconds: float = 15.0


class SwitchKind(StrEnum):
    """What a person (or, for a storm, the engine) can throw."""

    STOP = "stop"
    FREEZE = "freeze"
    MAINTENANCE = "maintenance"
    STORM = "storm"


class Switch(BaseModel):
    """Something that was thrown: by whom, why and until when. It stays on record after it was lifted or has run out.

    `name` tells several freezes or maintenances apart; without `namespaces` it holds everywhere.
    """

    model_config = ConfigDict(extra="forbid")

    kind: SwitchKind
    name: str = Field(default="", max_length=128, pattern=r"^[^\s/]*$")
    by: str = Field(min_length=1, max_length=128)
    reason: str = Field(default="", max_length=2048)
    since: datetime
    until: datetime | None = None
    namespaces: list[str] = Field(default_factory=list)
    lifted_at: datetime | None = None
    lifted_by: str = ""

    def active(self, now: datetime) -> bool:
        """Whether it holds at this moment."""
        return self.since <= now and self.lifted_at is None and (self.until is None or now < self.until)

    def covers(self, namespace: str) -> bool:
        """Whether it holds in a namespace ("" for what belongs to none)."""
        return not self.namespaces or namespace in self.namespaces

    def describe(self) -> str:
        """One line for people."""
        what = " ".join(w for w in (str(self.kind), self.name) if w)
        where = f" of {', '.join(self.namespaces)}" if self.namespaces else ""
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"{what}{where} by {self.by}{until}" + (f": {self.reason}" if self.reason else "")


class Tenure(BaseModel):
    """One incident that holds its turn (`granted_at` is set), or waits for it."""

    holder: str
    incident_id: str
    target: str
    namespace: str
    severity: Severity
    kinds: list[str]
    by_person: bool
    since: datetime
    granted_at: datetime | None = None
    reasons: list[str] = Field(default_factory=list)
    retry_at: datetime | None = None
    lease_until: datetime


class RateUse(BaseModel):
    """How much of a rate is used, for example 3 of 12 in 3600 seconds."""

    limit: str
    used: int
    at_most: int
    seconds: float


class Overview(BaseModel):
    """Everything a person wants to know of the governor at one moment. Waiting incidents stand in the order of their turn."""

    at: datetime
    standing: Standing
    held: list[Tenure] = Field(default_factory=list)
    waiting: list[Tenure] = Field(default_factory=list)
    rates: list[RateUse] = Field(default_factory=list)
    concurrent: int
    budget_used: int
    budget: int
    switches: list[Switch] = Field(default_factory=list, description="those that hold now")
