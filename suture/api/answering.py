"""Answering by a one-time link: opening it shows what would happen, the button answers, and it serves once."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from suture.access import People, Person, Role
from suture.api import forms
from suture.api.deciding import Deciding, may
from suture.api.identity import Caller, Way
from suture.api.login import address
from suture.api.pages import previews
from suture.api.preview import Preview
from suture.api.web import Pages
from suture.domain.decision import Decision
from suture.domain.errors import Declined, Invalid, SutureError, TargetNotFound
from suture.domain.incident import IncidentRecord
from suture.domain.redaction import redact_text
from suture.links import Link, Links
from suture.ports import Audit, Desk


class Answering:
    """Answers by link: what a link is about, whether it still serves, and the answer itself."""

    def __init__(self, links: Links, desk: Desk, deciding: Deciding, people: People, audit: Audit) -> None:
        self._links = links
        self._desk = desk
        self._deciding = deciding
        self._people = people
        self._audit = audit

    async def read(self, text: str, address: str) -> tuple[Link, Caller, IncidentRecord]:
        """What a link says, for whom, and about what. Raises Invalid with the reason when it does not serve any more."""
        link = self._links.read(text)
        if datetime.now(UTC) >= link.until:
            raise Over(link, "its time is over")
        if await self._audit.used(link.id):
            raise Over(link, "it was used already")
        try:
            seen = await self._desk.look(link.i)
        except TargetNotFound:
            raise Over(link, "the incident is not known any more") from None
        asked = seen.record.approval
        if not seen.live or asked is None or (asked.asked, asked.plan_hash) != (link.n, link.p):
            raise Over(link, "the question it was about is over, or the plan has changed since")
        person = self._person(link)
        caller = Caller(person.name, person.role, Way.LINK, address)
        if not may(caller, link.c, asked):
            raise Over(link, f"{caller.name} is {caller.role} now, and may not {link.c}")
        return link, caller, seen.record

    def _person(self, link: Link) -> Person:
        if not self._people.named:
            return Person(name=link.w, roles=[Role.APPROVER])
        person = self._people.by_name(link.w)
        if person is None:
            raise Over(link, f"{link.w} is not in the access file any more")
        return person

    async def answer(self, link: Link, caller: Caller, record: IncidentRecord, reason: str) -> str:
        """Decide, once. Raises Declined, Unavailable: then the link still serves."""
        if not await self._audit.use(link.id):
            raise Over(link, "it was used already")
        decision = Decision(
            choice=link.c,
            by=caller.name,
            reason=redact_text(reason)[:2048],
            plan_hash=link.p,
            asked=link.n,
        )
        try:
            return await self._deciding.decide(caller, record, decision)
        except SutureError:  # nothing was taken
            await self._audit.release(link.id)
            raise


class Over(Invalid):
    """A link that was ours and does not serve any more; the message says why."""

    def __init__(self, link: Link, why: str) -> None:
        super().__init__(f"You can't answer by this link: {why}. Look at the incident itself to decide.")
        self.link = link


def routes(pages: Pages, answering: Answering, preview: Preview | None) -> APIRouter:
    """The router of /link."""
    router = APIRouter(prefix="/link", include_in_schema=False)

    @router.get("/{text}")
    async def look(request: Request, text: str) -> Response:
        try:
            link, caller, record = await answering.read(text, address(request))
        except Over as e:
            return _over(request, e)
        return pages.show(
            request,
            "link.html",
            verb=link.c.capitalize(),
            over="",
            incident_id=link.i,
            record=record,
            asked=record.approval,
            previews=await previews(preview, record.approval),
            person=caller.name,
        )

    @router.post("/{text}")
    async def answer(request: Request, text: str) -> Response:
        form = await forms.posted(request)
        title, ok = "Thank you", True
        try:
            link, caller, record = await answering.read(text, address(request))
            told = await answering.answer(link, caller, record, form.get("reason", ""))
        except Over as e:
            return _over(request, e)
        except Declined as e:
            title, told, ok = "Refused", str(e), False
        return pages.show(
            request,
            "answered.html",
            200 if ok else 409,
            title=title,
            told=told,
            ok=ok,
            incident_id=link.i,
        )

    def _over(request: Request, over: Over) -> Response:
        return pages.show(
            request, "link.html", 410, verb="", over=str(over), incident_id=over.link.i, record=None
        )

    return router
