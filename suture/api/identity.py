"""Who asks: a caller with a name and a role, however they proved it, and the signed cookie of a browser's session."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from suture.access import People, Person, Role, local_admin

COOKIE = "suture_session"
SESSION_SECONDS = 12 * 3600
SENDER = "a shared token"  # the name of whoever has a token of SUTURE_TOKEN or SUTURE_TOKEN_FILE


class Way(StrEnum):
    """How somebody proved who they are."""

    TOKEN = "token"  # noqa: S105 - a word, not a secret
    OIDC = "oidc"
    SHARED = "shared token"
    LOCAL = "this machine"
    LINK = "link"


class Session(BaseModel):
    """What the cookie says. `stamp` names the person's entry in the access file: a changed token ends the session."""

    model_config = ConfigDict(frozen=True)

    name: str
    way: Way
    csrf: str
    stamp: str = ""


@dataclass(frozen=True)
class Caller:
    """Who makes a request, from where. `session` is None for requests that carry a token of their own."""

    name: str
    role: Role
    way: Way
    address: str = ""
    session: Session | None = None

    def may(self, role: Role) -> bool:
        """Whether the caller has this role, or one that includes it."""
        return self.role.includes(role)


class Sessions:
    """Signs and reads the cookie. A session is only as good as what the access file says of its person now."""

    def __init__(self, key: bytes, people: People, secure: bool) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="suture session")
        self._people = people
        self._secure = secure

    def begin(self, name: str, way: Way) -> Session:
        """A new session with its own secret against forged forms."""
        return Session(name=name, way=way, csrf=secrets.token_urlsafe(24), stamp=self._stamp(name, way))

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is forged, old, or its person has other credentials by now."""
        try:
            found = Session.model_validate(self._signer.loads(cookie, max_age=SESSION_SECONDS))
        except (BadSignature, ValueError):
            return None
        return found if found.stamp == self._stamp(found.name, found.way) else None

    def caller(self, session: Session, address: str) -> Caller | None:
        """Who a session belongs to, with the role of today; None when nobody of this name is known any more."""
        if session.way is Way.SHARED:
            return Caller(SENDER, Role.RESPONDER, Way.SHARED, address, session)
        person = self._people.by_name(session.name)
        return Caller(person.name, person.role, session.way, address, session) if person else None

    def set(self, response: Response, session: Session) -> None:
        """Put the cookie on an answer."""
        signed = self._signer.dumps(session.model_dump(mode="json"))
        value = signed if isinstance(signed, str) else signed.decode()
        response.set_cookie(
            COOKIE,
            value,
            max_age=SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )

    def end(self, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=self._secure)

    def _stamp(self, name: str, way: Way) -> str:
        person = self._people.by_name(name) if way in (Way.TOKEN, Way.OIDC) else None
        return stamp(person) if person else ""


def stamp(person: Person) -> str:
    """Names a person's credentials without telling them."""
    return hashlib.sha256(f"{person.token}\n{person.oidc}".encode()).hexdigest()[:16]


def local(address: str, session: Session | None = None) -> Caller:
    """Whoever is on this machine."""
    person = local_admin()
    mine = session if session and session.way is Way.LOCAL and session.name == person.name else None
    return Caller(person.name, person.role, Way.LOCAL, address, mine)


def with_session(caller: Caller, session: Session) -> Caller:
    return replace(caller, session=session)
