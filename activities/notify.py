"""notify: tell the contacts of a level, each of their ways once, whatever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pydantic import BaseModel, Field
from temporalio import activity

from activities.telling import Teller
from suture.domain.notice import Notice, message_of
from suture.ports import Claim, Links

BEAT_SECONDS = 2.0  # a worker that dies is missed after the heartbeat's timeout


class NotifyRequest(BaseModel):
    """One step of an escalation: `step` names it inside the incident."""

    notice: Notice
    step: str
    contacts: list[str]


class Notified(BaseModel):
    """What came of it, by the names of the ways."""

    sent: list[str] = Field(default_factory=list)
    unknown: list[str] = Field(
        default_factory=list
    )  # claimed by somebody who died: perhaps sent, never again
    nobody: list[str] = Field(default_factory=list)  # contacts that this worker does not know

    def describe(self) -> str:
        """One line for people."""
        parts = [f"told {', '.join(self.sent)}"] if self.sent else []
        parts += [f"not known whether {', '.join(self.unknown)} heard of it"] if self.unknown else []
        parts += [f"no address for {', '.join(self.nobody)}"] if self.nobody else []
        return "; ".join(parts) or "nobody to tell"


class Notify:
    """Each way of each contact on its own; the links of a message are made where it is sent, and stay out of the history."""

    def __init__(self, teller: Teller, links: Links | None = None) -> None:
        self._teller = teller
        self._links = links

    @activity.defn(name="notify")
    async def notify(self, request: NotifyRequest) -> Notified:
        """Raises Unavailable while somebody has not accepted (what was accepted is not sent again)."""
        beating = asyncio.create_task(_beat(activity.heartbeat))
        try:
            return await self._notify(request)
        finally:
            beating.cancel()

    async def _notify(self, request: NotifyRequest) -> Notified:
        notice, info = request.notice, activity.info()
        known = {contact: self._teller.ways(contact) for contact in request.contacts}
        ways = list(dict.fromkeys(way for found in known.values() for way in found))
        owner = f"{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        came = await self._teller.tell(
            notice.incident_id,
            request.step,
            owner,
            ways,
            lambda way: message_of(notice, self._links(notice, way) if self._links else {}),
        )
        return Notified(
            sent=[way for way, claim in came.items() if claim is Claim.SENT],
            unknown=[way for way, claim in came.items() if claim is Claim.UNKNOWN],
            nobody=[contact for contact, found in known.items() if not found],
        )


async def _beat(heartbeat: Callable[[], None]) -> None:
    while True:
        heartbeat()
        await asyncio.sleep(BEAT_SECONDS)
