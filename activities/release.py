"""Giving a turn back, so that the next incident in the queue is called at once; and looking after turns whose holder died."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from pydantic import BaseModel
from temporalio import activity

from suture.domain.errors import Unavailable
from suture.ports import Governor, IncidentServer

log = structlog.get_logger(__name__)
MOST_CALLED = 50  # at one release: whoever is not called asks again by itself


class ReleaseRequest(BaseModel):
    """Who has finished acting, or does not want to act any more."""

    holder: str


class Release:
    """What follows when an incident has finished an attempt."""

    def __init__(self, governor: Governor, incidents: IncidentServer) -> None:
        self._governor = governor
        self._incidents = incidents

    @activity.defn(name="release")
    async def release(self, request: ReleaseRequest) -> None:
        """Raises Unavailable when the database does not answer; a call that gets lost costs the next one some seconds."""
        await call(self._incidents, await self._governor.release(request.holder))


async def call(incidents: IncidentServer, holders: Iterable[str]) -> None:
    """Tell incidents that it is their turn."""
    for holder in list(holders)[:MOST_CALLED]:
        try:
            await incidents.call(holder)
        except Unavailable as e:
            log.warning("an incident could not be called to its turn", holder=holder, reason=str(e))
            return


async def look_after(governor: Governor, incidents: IncidentServer) -> bool:
    """Ask after incidents that were silent for longer than their lease; whether one of them had ended and made room."""
    made_room = False
    for holder, incident_id in await governor.silent():
        try:
            lives = await incidents.runs(holder)
        except Unavailable as e:
            log.warning("whether an incident still runs is not known", holder=holder, reason=str(e))
            break
        if not lives:
            log.info("an incident ended without giving its turn back", holder=holder)
            await call(incidents, await governor.release(holder, incident_id))
            made_room = True
    return made_room
