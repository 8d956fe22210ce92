"""Names of time zones as they stand in files and settings: known, or refused with an example."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as e:
        raise ValueError(f"{name!r} is no time zone: write for example Europe/Berlin") from e
    return name


TimeZone = Annotated[str, AfterValidator(_known)]  # an IANA name
