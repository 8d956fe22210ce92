"""Who may do what: the access file names people, their roles, and how they prove who they are.

Roles build on each other: a viewer reads; a responder also acknowledges, comments and escalates; an approver also decides
about plans; an admin also throws the engine's switches. Without an access file whoever is on this machine is an admin
under the name of the operating system's user, and nobody else gets in.

    people:
      - name: ann
        roles: [approver]
        teams: [dba]                      # names of your own, for rules that ask for somebody of a team
        token: sha256:9f86d081884c7d65... # `suture token ann` makes one
        oidc: ann@example.com             # the subject or the verified e-mail of your identity provider
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from suture.domain.errors import Invalid

log = structlog.get_logger(__name__)
TOKEN_BYTES = 32


class Role(StrEnum):
    """What a person may do; each role includes those before it."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what the other may.

        >>> Role.ADMIN.includes(Role.VIEWER), Role.RESPONDER.includes(Role.APPROVER)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(other)


class Person(BaseModel):
    """One entry of the access file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=128, pattern=r"^\S(.*\S)?$")
    roles: list[Role] = Field(min_length=1)
    teams: list[str] = Field(default_factory=list)
    token: str = Field(default="", repr=False)
    oidc: str = Field(default="", max_length=256)

    @field_validator("token")
    @classmethod
    def _hashed(cls, value: str) -> str:
        kind, _, digest = value.partition(":")
        if value and (kind != "sha256" or len(digest) != 64 or set(digest) - set("0123456789abcdef")):
            raise ValueError("write sha256: and 64 hexadecimal digits; `suture token NAME` makes such a line")
        return value

    @property
    def role(self) -> Role:
        """The highest of the person's roles."""
        return max(self.roles, key=list(Role).index)

    def may(self, role: Role) -> bool:
        """Whether the person has this role or one that includes it."""
        return self.role.includes(role)


class AccessFile(BaseModel):
    """The content of an access file: nobody is named twice, no token or identity leads to two people."""

    model_config = ConfigDict(extra="forbid")

    people: list[Person]

    @model_validator(mode="after")
    def _distinct(self) -> AccessFile:
        for what in ("name", "token", "oidc"):
            seen: set[str] = set()
            for person in self.people:
                value = plain(getattr(person, what))
                if value and value in seen:
                    raise ValueError(f"the {what} of {person.name} belongs to somebody before already")
                seen.add(value)
        return self


class People:
    """Everybody who is known. The file is read again when it changes; a file that can't be read changes nothing."""

    def __init__(self, file: Path | None = None) -> None:
        """Raises Invalid, with file and line, when the file can't be read or is wrong."""
        self._file = file
        self._stamp = _stamp(file)
        self._people = load(file).people if file else []

    @property
    def named(self) -> bool:
        """Whether there is an access file at all."""
        return self._file is not None

    def all(self) -> list[Person]:
        """Everybody in the access file."""
        self._refresh()
        return self._people

    def eligible(self, role: str) -> list[str]:
        """The names of those who have a role, or one that includes it, or are approvers of a team of this name.

        Empty without an access file: then the installation names nobody.
        """
        if role in list(Role):
            return [p.name for p in self.all() if p.may(Role(role))]
        return [p.name for p in self.all() if role in p.teams and p.may(Role.APPROVER)]

    def by_name(self, name: str) -> Person | None:
        """The person of this name; case and spaces do not count."""
        return _one(p for p in self.all() if plain(p.name) == plain(name))

    def by_token(self, token: str) -> Person | None:
        """Whose static token this is. Takes the same time whosesoever it is."""
        digest = hashed(token)
        found = None
        for person in self.all():
            if hmac.compare_digest(person.token, digest):
                found = person
        return found

    def by_oidc(self, subject: str, email: str = "") -> Person | None:
        """Who this is for the identity provider; give the e-mail only when the provider has verified it."""
        known = {plain(email)} - {""}
        return _one(p for p in self.all() if p.oidc and (p.oidc == subject or plain(p.oidc) in known))

    def _refresh(self) -> None:
        stamp = _stamp(self._file)
        if self._file is None or stamp is None or stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._people = load(self._file).people
            log.info("the access file was read again", people=len(self._people))
        except Invalid as e:
            log.error("the access that was read before stays valid", reason=str(e))


def load(file: Path) -> AccessFile:
    """Read and check an access file; raises Invalid that names the file, the line and what to do."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise Invalid(f"cannot read the access file {file}: {e}") from e
    try:
        node = yaml.compose(text)
        return AccessFile.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as e:
        raise Invalid(f"{file} is not YAML: {e}") from e
    except ValidationError as e:
        found = [f"line {_line(node, err['loc'])}: {_told(err['loc'], err['msg'])}" for err in e.errors()]
        raise Invalid(f"the access file {file} is not valid:\n  " + "\n  ".join(found)) from e


def local_admin() -> Person:
    """Who is on this machine, when no access file says otherwise."""
    return Person(name=getpass.getuser(), roles=[Role.ADMIN])


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """What the access file keeps of a token. Tokens are long and random, so no salt is needed."""
    return "sha256:" + hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def plain(name: str) -> str:
    """Two spellings of a name that differ in case or spaces are one."""
    return " ".join(name.split()).casefold()


def _one(found: Iterable[Person]) -> Person | None:
    return next(iter(found), None)


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    try:
        s = file.stat() if file else None
    except OSError:
        return None
    return (s.st_mtime_ns, s.st_ino, s.st_size) if s else None


def _told(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(map(str, location))
    text = message.removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) where an error's location begins; the nearest parent when the key is missing."""
    for part in location:
        if isinstance(node, yaml.MappingNode):
            below = next((v for k, v in node.value if k.value == str(part)), None)
            if below is None:
                break
            node = below
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
    return node.start_mark.line + 1 if node else 1
