"""Logging in and out: by a token, or through the identity provider."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, Request, Response

from suture.access import Role
from suture.api import forms
from suture.api.auth import Gate, needs
from suture.api.deciding import Deciding
from suture.api.errors import Refused
from suture.api.identity import Caller, Sessions, Way
from suture.api.oidc import Oidc
from suture.api.web import Pages, back_to
from suture.domain.audit import Result

log = structlog.get_logger(__name__)
HOME = "/incidents"
Known = Annotated[Caller, Depends(needs(Role.VIEWER))]


class Entrance:
    """Lets somebody in: notes it, and begins a session."""

    def __init__(self, sessions: Sessions, deciding: Deciding) -> None:
        self._sessions = sessions
        self._deciding = deciding

    async def enter(self, caller: Caller, back: str) -> Response:
        """The answer that carries the session. Raises Unavailable when it can't be noted."""
        await self._deciding.note(caller, "log in", "session", Result.TAKEN)
        response = back_to(back)
        self._sessions.set(response, self._sessions.begin(caller.name, caller.way))
        return response

    def leave(self) -> Response:
        """The answer that takes the session back."""
        response = back_to("/login", "You are logged out.")
        self._sessions.end(response)
        return response


def routes(pages: Pages, gate: Gate, entrance: Entrance) -> APIRouter:
    """The router of /login and /logout."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def form(request: Request, next: str = HOME) -> Response:
        if not gate.closed:
            return back_to(own(next))
        return pages.show(request, "login.html", told="", back=own(next))

    @router.post("/login")
    async def login(request: Request) -> Response:
        given = await forms.posted(request)
        back = own(given.get("next", ""))
        caller = gate.by_token(given.get("token", "").strip(), address(request))
        if caller is None:
            log.warning("a login with a token failed", address=address(request))
            return pages.show(request, "login.html", 401, told="This token is not valid.", back=back)
        return await entrance.enter(caller, back)

    @router.post("/logout")
    async def logout(request: Request, caller: Known) -> Response:
        if not forms.genuine(request, caller, await forms.posted(request)):
            raise Refused(403, "the form was refused", forms.FORGED)
        return entrance.leave()

    return router


def oidc_routes(oidc: Oidc, entrance: Entrance) -> APIRouter:
    """The router of /oidc: to the identity provider, and back from it."""
    router = APIRouter(prefix="/oidc", include_in_schema=False)

    @router.get("/login")
    async def begin(request: Request, next: str = HOME) -> Response:
        return await oidc.begin(request, own(next))

    @router.get("/callback")
    async def end(request: Request) -> Response:
        person, back = await oidc.end(request)
        return await entrance.enter(Caller(person.name, person.role, Way.OIDC, address(request)), own(back))

    return router


def own(where: str) -> str:
    """An address of these pages; everything else leads home.

    >>> own("/incidents/web-1"), own("https://evil.example"), own("//evil.example"), own("/\\\\evil.example")
    ('/incidents/web-1', '/incidents', '/incidents', '/incidents')
    """
    parts = urlsplit(where)
    strange = parts.scheme or parts.netloc or not where.startswith("/") or where.startswith(("//", "/\\"))
    return HOME if strange or any(c < " " for c in where) else where


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""
