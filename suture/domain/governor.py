"""The governor's words: what limits the engine as a whole, and whose turn it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from suture.domain.stages import Severity
from suture.domain.target import Target


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
    """A request to act: who wants to change what. `holder` is the incident's workflow id: asking again changes nothing."""

    model_config = ConfigDict(frozen=True)

    holder: str
    incident_id: str
    target: Target
    severity: Severity
    kinds: list[str] = Field(default_factory=list, description="the plan's action kinds, one an action")
    by_person: bool = Field(default=False, description="a person approved the plan")
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
