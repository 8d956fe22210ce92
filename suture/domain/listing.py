"""What a list of incidents shows: the running ones as their workflows tell, the ended ones as the database remembers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from suture.domain.decision import ApprovalRequest
from suture.domain.incident import IncidentRecord
from suture.domain.stages import Outcome


class State(StrEnum):
    """What a list is filtered by, beside the outcomes."""

    ALL = "all"
    OPEN = "open"
    WAITING = "waiting"
    ENDED = "ended"


class Wanted(BaseModel):
    """Which incidents to list."""

    state: State = State.ALL
    outcome: Outcome | None = None
    namespace: str = ""
    limit: int = Field(default=50, ge=1, le=500)


class Line(BaseModel):
    """One incident of a list. `approval` is what waits for people; without a `stage` no worker answered for it."""

    incident_id: str = ""
    workflow_id: str
    target: str
    namespace: str = ""
    severity: str = ""
    stage: str = ""
    phase: str = ""
    outcome: Outcome | None = None
    cause: str = ""
    since: datetime | None = None
    seconds_to_heal: float | None = None
    approval: ApprovalRequest | None = None

    @property
    def waits(self) -> bool:
        return self.approval is not None


class Listing(BaseModel):
    """A list. `open` and `waiting` count all incidents, not only those listed (None: not known); `notes` say what is missing."""

    lines: list[Line]
    open: int | None = None
    waiting: int | None = None
    notes: list[str] = Field(default_factory=list)


class Seen(BaseModel):
    """One incident as it stands; `live` while its workflow runs."""

    record: IncidentRecord
    live: bool
