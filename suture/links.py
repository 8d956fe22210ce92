"""One-time links: a signed address that lets one person give one answer to one question, without logging in.

A link names the question (its number and the plan's hash), so it says nothing about any other plan; opening it only shows
what would happen, and the answer takes a press of a button, because programs that preview messages open links too.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel, ConfigDict

from suture.domain.errors import Invalid
from suture.domain.incident import IncidentRecord

LONGEST = timedelta(days=7)  # that a link may serve, however long its question stands
PATH = "/link/"
CHOICES: tuple[Literal["approve", "reject"], ...] = ("approve", "reject")


class Link(BaseModel):
    """What a link says. Keys are short because all of it travels in the address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    i: str  # the incident's id
    n: int  # the question's number
    p: str  # the plan's hash
    c: Literal["approve", "reject"]
    w: str  # who answers
    u: int  # until when, in seconds since 1970

    @property
    def until(self) -> datetime:
        return datetime.fromtimestamp(self.u, UTC)

    @property
    def id(self) -> str:
        """Names this answer of this person to this question, however often the link was made."""
        return hashlib.sha256(f"{self.i}\n{self.n}\n{self.p}\n{self.c}\n{self.w}".encode()).hexdigest()


class Links:
    """Makes and reads links. `url` is where people reach the pages; `key` signs."""

    def __init__(self, key: bytes, url: str) -> None:
        self._signer = URLSafeSerializer(key, salt="suture one-time link")
        self._url = url.rstrip("/")

    def __call__(self, record: IncidentRecord, person: str) -> dict[str, str]:
        """Addresses for one person: `look` (asks who they are), and, while a question stands, `approve` and `reject`."""
        found = {"look": f"{self._url}/incidents/{record.incident_id}"}
        asked = record.approval
        if asked is None:
            return found
        longest = datetime.now(UTC) + LONGEST
        until = min(asked.expires_at or longest, longest)
        for choice in CHOICES:
            link = Link(
                i=record.incident_id,
                n=asked.asked,
                p=asked.plan_hash,
                c=choice,
                w=person,
                u=int(until.timestamp()),
            )
            found[choice] = self._url + PATH + self.sign(link)
        return found

    def sign(self, link: Link) -> str:
        """The part of the address that says everything."""
        signed = self._signer.dumps(link.model_dump())
        return signed if isinstance(signed, str) else signed.decode()

    def read(self, text: str) -> Link:
        """What a link says, over or not; raises Invalid when it is not one of ours."""
        try:
            return Link.model_validate(self._signer.loads(text))
        except (BadSignature, ValueError) as e:
            raise Invalid("this link is not complete, or was not made by this installation") from e
