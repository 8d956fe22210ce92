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

from suture.access import People, Role
from suture.domain.errors import Invalid
from suture.domain.incident import IncidentRecord
from suture.domain.notice import Notice

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

    def of(
        self, incident_id: str, asked: int, plan_hash: str, person: str, until: datetime | None = None
    ) -> dict[str, str]:
        """Addresses for one person: `look` (asks who they are), and, while question `asked` stands, `approve` and `reject`."""
        found = {"look": f"{self._url}/incidents/{incident_id}"}
        latest = datetime.now(UTC) + LONGEST
        over = int(min(until or latest, latest).timestamp())
        for choice in CHOICES if asked else ():
            link = Link(i=incident_id, n=asked, p=plan_hash, c=choice, w=person, u=over)
            found[choice] = self._url + PATH + self.sign(link)
        return found

    def __call__(self, record: IncidentRecord, person: str) -> dict[str, str]:
        """The same for an incident as it stands."""
        waits = record.approval
        if waits is None:
            return self.of(record.incident_id, 0, "", person)
        return self.of(record.incident_id, waits.asked, waits.plan_hash, person, waits.expires_at)

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


class NoticeLinks:
    """`ports.Links`: the addresses that go into a message. A contact that is a person of the access file who may decide gets
    links that answer; a channel that many read gets the page alone."""

    def __init__(self, links: Links, people: People) -> None:
        self._links = links
        self._people = people

    def __call__(self, notice: Notice, way: str) -> dict[str, str]:
        person = self._people.by_name(way.partition("#")[0])
        may_decide = person is not None and person.may(Role.APPROVER)
        asked = notice.asked if may_decide else 0
        name = person.name if person else ""
        return self._links.of(notice.incident_id, asked, notice.plan_hash, name, notice.expires_at)
