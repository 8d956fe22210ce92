"""The audit log: who did, or tried to do, what, when, why and from where; each line sealed together with the one before."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

START = "0" * 64  # what the first line follows


class Result(StrEnum):
    """What came of it. `asked` is written before anything happens, so that a crash in between shows."""

    ASKED = "asked"
    TAKEN = "taken"
    REFUSED = "refused"


class AuditEntry(BaseModel):
    """One thing that a person did. `via` is how they proved who they are, `subject` an incident's id or what was switched."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    by: str = Field(max_length=128)
    via: str = Field(default="", max_length=16)
    address: str = Field(default="", max_length=64)
    action: str = Field(max_length=32)
    subject: str = Field(default="", max_length=512)
    result: Result
    reason: str = ""
    detail: str = ""

    def seal(self, key: bytes, before: str) -> str:
        """The hash of this line after the line with the hash `before`: HMAC-SHA-256, so that only who holds the key can
        make a chain anew."""
        words = self.model_dump(mode="json", include=set(AuditEntry.model_fields))
        words["at"] = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        text = json.dumps(words, sort_keys=True, ensure_ascii=True)
        return hmac.new(key, f"{before}\n{text}".encode(), hashlib.sha256).hexdigest()


class AuditRow(AuditEntry):
    """A line as it is kept; `seq` counts from 1 without gaps."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    seq: int
    hash: str


class AuditCheck(BaseModel):
    """What checking the whole log found. `head` is the newest line's hash: noted elsewhere, it shows a cut end later."""

    lines: int
    head: str
    problems: list[str] = Field(default_factory=list)
