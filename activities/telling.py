"""Tell one way of one contact once: claimed in the journal, sent, settled. And calls by level, for what is no incident."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from suture.domain.call import Call
from suture.domain.errors import Unavailable
from suture.domain.escalation import Ladder
from suture.domain.notice import Message
from suture.domain.stages import Severity
from suture.ports import Claim, NotificationJournal, Notifier, OnCall


class Teller:
    """A claim whose owner died is never sent again: nobody knows whether it was."""

    def __init__(self, notifier: Notifier, journal: NotificationJournal) -> None:
        self._notifier = notifier
        self._journal = journal

    def ways(self, contact: str) -> list[str]:
        """How a contact is reached; empty when nobody is known by that name."""
        return list(self._notifier.ways(contact))

    async def tell(
        self, story_id: str, step: str, owner: str, ways: list[str], message: Callable[[str], Message]
    ) -> dict[str, Claim]:
        """SENT or UNKNOWN by way. Raises Unavailable while somebody has not accepted; what was accepted stays."""
        answers = await asyncio.gather(
            *(self._tell(story_id, step, owner, way, message(way)) for way in ways), return_exceptions=True
        )
        failed = [a for a in answers if isinstance(a, BaseException)]
        worse = next((f for f in failed if not isinstance(f, Unavailable)), None)
        if failed:
            raise worse or Unavailable("; ".join(str(f) for f in failed))
        return {way: a for way, a in zip(ways, answers, strict=True) if isinstance(a, Claim)}

    async def _tell(self, story_id: str, step: str, owner: str, way: str, message: Message) -> Claim:
        claim = await self._journal.claim(story_id, step, way, owner, message.subject)
        if claim is Claim.BUSY:
            raise Unavailable(f"{way}: somebody is sending this at the moment")
        if claim is not Claim.MINE:
            return claim
        error = await self._send(way, message)
        await self._journal.settle(story_id, step, way, owner, error)
        if error:
            raise Unavailable(error)
        return Claim.SENT

    async def _send(self, way: str, message: Message) -> str:
        """Why it was not accepted; empty when it was."""
        try:
            await self._notifier.send(way, message)
        except Unavailable as e:
            return str(e)
        return ""


class LevelOnCall:
    """`ports.OnCall` over the contacts of the ladder's levels; a level without contacts is `otherwise`'s."""

    def __init__(self, teller: Teller, ladder: Ladder, otherwise: OnCall) -> None:
        self._teller = teller
        self._contacts = {level.name: level.contacts for level in ladder.levels}
        self._otherwise = otherwise

    async def call(self, call: Call) -> list[str]:
        """Raises Unavailable while somebody has not accepted."""
        ways = [way for contact in self._contacts.get(call.level, []) for way in self._teller.ways(contact)]
        if not ways:
            return await self._otherwise.call(call)
        message = Message(subject=call.subject, body=call.text, severity=Severity.parse(call.severity))
        owner = f"{uuid.uuid4().hex}/1"
        told = await self._teller.tell(
            call.story_id, f"{call.step}/{call.level}", owner, ways, lambda _: message
        )
        return list(told)
