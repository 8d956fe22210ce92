"""The governor for people and programs: who holds a turn, who waits, and the switches that admins throw and lift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from suture.access import Role
from suture.api import forms
from suture.api.auth import needs
from suture.api.deciding import Deciding
from suture.api.errors import Refused, documented
from suture.api.identity import Caller
from suture.api.web import Pages, back_to
from suture.domain.audit import Result
from suture.domain.errors import Declined, SutureError
from suture.domain.governor import Overview, Switch, SwitchKind
from suture.domain.redaction import redact_text
from suture.ports import Governor, IncidentServer

Viewer = Annotated[Caller, Depends(needs(Role.VIEWER))]
WHERE = "/governor"
SAID = documented(400, 401, 403, 408, 409, 413, 415, 422, 503)


class SwitchIn(BaseModel):
    """What to throw or lift; who does it is known from the token. Without `namespaces` a freeze holds everywhere."""

    model_config = ConfigDict(extra="forbid")

    do: Literal["throw", "lift"]
    kind: Literal["stop", "freeze", "storm"]
    name: str = Field(default="", max_length=128, pattern=r"^[A-Za-z0-9._-]*$")
    reason: str = Field(default="", max_length=2048)
    hours: float | None = Field(
        default=None, gt=0, le=8760, description="for how long; None: until it is lifted"
    )
    namespaces: list[Annotated[str, Field(max_length=253)]] = Field(default_factory=list, max_length=100)


class Switched(BaseModel):
    """What came of it."""

    answer: str


class Governing:
    """Throws and lifts switches, each with its lines in the audit log; lifting calls those who may go on."""

    def __init__(
        self, governor: Governor, incidents: IncidentServer, deciding: Deciding, cluster: str
    ) -> None:
        self._governor = governor
        self._incidents = incidents
        self._deciding = deciding
        self._cluster = cluster

    async def overview(self) -> Overview:
        """How things stand. Raises Unavailable."""
        return await self._governor.overview(self._cluster)

    async def switch(self, caller: Caller, asked: SwitchIn) -> str:
        """What came of it, in words. Raises Declined, Unavailable."""
        action, subject = f"{asked.do} {asked.kind}", f"governor {asked.name}".strip()
        reason = redact_text(asked.reason)[:2048]
        if not caller.may(Role.ADMIN):
            why = f"{caller.name} is {caller.role}: this takes the role {Role.ADMIN}"
            await self._deciding.note(caller, action, subject, Result.REFUSED, reason, why)
            raise Declined(why)
        await self._deciding.note(caller, action, subject, Result.ASKED, reason)
        try:
            told = await self._do(caller, asked, reason)
        except SutureError as e:
            await self._deciding.note(caller, action, subject, Result.REFUSED, reason, str(e))
            raise
        await self._deciding.note(caller, action, subject, Result.TAKEN, reason, told)
        return told

    async def _do(self, caller: Caller, asked: SwitchIn, reason: str) -> str:
        kind = SwitchKind(asked.kind)
        if asked.do == "lift":
            held, holders = await self._governor.lift(kind, asked.name, caller.name)
            if not held:
                raise Declined(f"there is no {kind} {asked.name}".rstrip() + " that holds")
            for holder in holders:
                await self._incidents.call(holder)
            return f"{kind} lifted: {len(holders)} incidents go on"
        if kind is SwitchKind.STORM:
            raise Declined("only the engine itself opens the storm breaker; people can close it (lift)")
        now = datetime.now(UTC)
        thrown = Switch(
            kind=kind,
            name=asked.name,
            by=caller.name,
            reason=reason,
            since=now,
            until=now + timedelta(hours=asked.hours) if asked.hours else None,
            namespaces=[n.strip() for n in asked.namespaces if n.strip()],
        )
        await self._governor.throw(thrown)
        return thrown.describe()


def api(governing: Governing) -> APIRouter:
    """The router of /v1/governor."""
    router = APIRouter(prefix="/v1", tags=["governor"])

    @router.get("/governor", responses=documented(401, 403, 503), summary="How the whole engine stands")
    async def overview(_caller: Viewer) -> Overview:
        """Who holds a turn, who waits and why, what is used up, which switches hold."""
        return await governing.overview()

    @router.post("/governor", responses=SAID, summary="Stop, freeze, or end it (admins)")
    async def switch(caller: Viewer, asked: SwitchIn) -> Switched:
        """Answered once it holds, or with 409 and the reason why it does not."""
        return Switched(answer=await governing.switch(caller, asked))

    return router


def page(pages: Pages, governing: Governing) -> APIRouter:
    """The router of /governor."""
    router = APIRouter(include_in_schema=False)

    @router.get(WHERE)
    async def shown(request: Request, _caller: Viewer) -> Response:
        return pages.show(request, "governor.html", overview=await governing.overview())

    @router.post(WHERE)
    async def switch(request: Request, caller: Viewer) -> Response:
        form = await forms.posted(request)
        if not forms.genuine(request, caller, form):
            raise Refused(403, "the form was refused", forms.FORGED)
        try:
            if form.get("sure") != "yes":
                raise Declined("say that you are sure: nothing was changed")
            told = await governing.switch(caller, _asked(form))
            return back_to(WHERE, told)
        except Declined as e:
            return back_to(WHERE, f"Refused: {e}", ok=False)

    return router


def _asked(form: dict[str, str]) -> SwitchIn:
    given = {name: form.get(name, "") for name in ("do", "kind", "name", "reason")}
    names = form.get("namespaces", "").replace(",", " ").split()
    try:
        return SwitchIn.model_validate(given | {"namespaces": names, "hours": form.get("hours") or None})
    except ValueError as e:
        raise Declined(f"this cannot be switched: {str(e).splitlines()[1]}") from e
