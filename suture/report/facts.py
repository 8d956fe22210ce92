"""What a report is made of, and how its texts get onto a page: without secrets, and without markup of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from suture.domain.action import Receipt
from suture.domain.incident import IncidentRecord
from suture.domain.post_incident import PostIncidentRecord, Told
from suture.domain.redaction import HIDDEN, is_secret_name, redact, redact_text
from suture.ports import JournalEntry

_MARKUP = re.compile(r"([\\`*\[\]<>|#~&!]|(?<!\w)_|_(?!\w))")  # an underscore inside a word is none
LONGEST_VALUE = 2000


class Facts(BaseModel):
    """The story with what the database knows beside it."""

    record: IncidentRecord
    journal: list[JournalEntry] = Field(default_factory=list)
    told: list[Told] = Field(
        default_factory=list, description="who was told when, beyond the follow-up's own reminders"
    )
    follow_up: PostIncidentRecord | None = None


def plain(text: str) -> str:
    """A text on one line, without secrets, and escaped so that it is no markup, wherever it came from."""
    return _MARKUP.sub(r"\\\1", " ".join(redact_text(text).split()))


def fenced(lines: Sequence[str], language: str = "") -> list[str]:
    """A block of code that nothing inside can end."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *lines, fence]


def clock(at: datetime | None) -> str:
    """A moment in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def lasted(seconds: float | None) -> str:
    """A length of time for people.

    >>> [lasted(s) for s in (None, 0.32, 75, 7300, 200000)]
    ['-', '0.3 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def differences(receipt: Receipt) -> list[str]:
    """The changed fields as the lines of a diff; what is secret by its name or by its shape is hidden."""
    lines = []
    for path, (before, after) in receipt.changes.items():
        secret = _is_secret(path, receipt.action.object.kind)
        lines += [
            f"{sign} {path}: {_value(value, path, secret)}"
            for sign, value in (("-", before), ("+", after))
            if value is not None
        ]
    return lines


def _is_secret(path: str, kind: str) -> bool:
    """By the field's own name, or by the name of what it is the value of (`env.DB_PASSWORD.value`)."""
    parts = path.split(".")
    if kind == "Secret" and parts[0] in ("data", "stringData"):
        return True
    return is_secret_name(parts[-1]) or (
        parts[-1] == "value" and len(parts) > 1 and is_secret_name(parts[-2])
    )


def _value(value: Any, path: str, secret: bool) -> str:
    if secret and isinstance(value, str | int | float):
        return value if isinstance(value, str) and value.startswith("sealed:") else HIDDEN
    if secret:
        return HIDDEN
    text = redact_text(json.dumps(redact(value), ensure_ascii=False, default=str))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " ... (cut)"
