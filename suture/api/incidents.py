"""Incidents for programs: the same lists, stories and decisions as the pages, as JSON."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from suture.access import Role
from suture.api.auth import needs
from suture.api.deciding import Deciding
from suture.api.errors import documented
from suture.api.identity import Caller
from suture.domain.decision import Choice, Decision
from suture.domain.listing import Listing, Seen, State, Wanted
from suture.domain.redaction import redact_text
from suture.domain.stages import Outcome
from suture.ports import Desk

Viewer = Annotated[Caller, Depends(needs(Role.VIEWER))]
READ = documented(401, 403, 404, 422, 503)
SAID = documented(400, 401, 403, 404, 408, 409, 413, 415, 422, 503)


class DecisionIn(BaseModel):
    """What a person says; who says it is known from the token. `plan_hash` and `asked` bind it to what was shown."""

    model_config = ConfigDict(extra="forbid")

    choice: Choice
    reason: str = Field(default="", max_length=2048)
    plan_hash: str = Field(default="", max_length=64)
    asked: int = Field(default=0, ge=0, le=1_000_000)
    edits: dict[str, JsonValue] = Field(
        default_factory=dict, max_length=32, description='for example {"actions.0.replicas": 4}'
    )
    to: str = Field(default="", max_length=128, description="whom a delegation names")


class Answer(BaseModel):
    """What the engine made of it."""

    answer: str


def routes(desk: Desk, deciding: Deciding) -> APIRouter:
    """The router of /v1/incidents, but for reporting them."""
    router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

    @router.get("", responses=READ, summary="List incidents")
    async def listed(
        _caller: Viewer,
        state: State = State.ALL,
        outcome: Outcome | None = None,
        namespace: Annotated[str, Query(max_length=253)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Listing:
        """What waits for people first, then what runs, then what has ended; `outcome` lists ended ones only."""
        return await desk.listing(Wanted(state=state, outcome=outcome, namespace=namespace, limit=limit))

    @router.get("/{incident}", responses=READ, summary="One incident's whole story")
    async def told(_caller: Viewer, incident: str) -> Seen:
        """By its id, or the beginning of it."""
        return await desk.look(incident)

    @router.post("/{incident}/decide", responses=SAID, summary="Say something about an incident")
    async def decide(caller: Viewer, incident: str, said: DecisionIn) -> Answer:
        """Approve, reject, comment ...: answered once the engine took it, or with 409 and the reason why it did not."""
        record = (await desk.look(incident)).record
        words = said.model_dump() | {"reason": redact_text(said.reason)[:2048]}
        return Answer(answer=await deciding.decide(caller, record, Decision(by=caller.name, **words)))

    return router
