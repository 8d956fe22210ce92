"""Follow one incident from outside, as any user could: through the queries of its workflow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from temporalio.client import Client

from suture.cli import lookup
from suture.cli.problems import Failure
from suture.domain.incident import IncidentRecord, TimelineEntry
from suture.domain.stages import Stage

LOOK_SECONDS = 0.2
MAX_WIDTH = 160
_TELLING = ("takes (", "asks a person", "did ")  # the entry of a stage that tells most


@dataclass(frozen=True)
class Chapter:
    """One stay in one stage: what was noted there."""

    stage: Stage
    entries: tuple[TimelineEntry, ...]

    @property
    def headline(self) -> str:
        telling = [e for e in self.entries if e.text.startswith(_TELLING)]
        text = " ".join((telling or self.entries)[-1].text.split())
        return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"

    def seconds_since(self, moment: datetime) -> float:
        return max(0.0, (self.entries[-1].at - moment).total_seconds())


def chapters(record: IncidentRecord) -> list[Chapter]:
    """The story so far, a chapter each time the stage changes."""
    return [
        Chapter(stage, tuple(entries)) for stage, entries in groupby(record.timeline, key=lambda e: e.stage)
    ]


async def follow(
    client: Client, workflow_id: str, seconds: float
) -> AsyncGenerator[IncidentRecord | None, None]:
    """The record again and again until the incident has an outcome; None while there is no incident yet.

    Raises Failure when there is no outcome after so many seconds.
    """
    record: IncidentRecord | None = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        record = await lookup.record(client, workflow_id)
        yield record
        if record and record.outcome:
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise Failure(f"{workflow_id} has no outcome after {seconds:.0f} s: {_stands(record)}")


def _stands(record: IncidentRecord | None) -> str:
    if record is None:
        return "no such incident, or no worker answers"
    last = record.timeline[-1].text if record.timeline else "nothing noted"
    return f"it is in stage {record.stage} ({record.phase}); the last note is: {last}"
