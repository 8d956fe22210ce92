"""One message of a signal source, normalised. Many reports make one incident."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from suture.domain.redaction import redact_mapping, redact_text
from suture.domain.stages import Severity
from suture.domain.target import Target

SHORT, LONG = 256, 4096  # characters
Short = Annotated[str, StringConstraints(max_length=SHORT)]
Long = Annotated[str, StringConstraints(max_length=LONG)]
MAX_LABELS = 64
MAX_COUNT = 1_000_000_000


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_aware)]  # without a zone it counts as UTC


class ReportStatus(StrEnum):
    """Whether the source says that the trouble is there or gone."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Report(BaseModel):
    """A normalised report. `fingerprint` names the alert (the same for each repetition); `count` is how often it was said."""

    model_config = ConfigDict(extra="forbid")

    source: Short
    target: Target
    status: ReportStatus = ReportStatus.FIRING
    severity: Severity = Severity.MEDIUM
    reason: Short = "unknown"
    summary: Long = ""
    labels: dict[Short, Long] = Field(default_factory=dict, max_length=MAX_LABELS)
    fingerprint: Short = ""
    starts_at: Moment | None = None
    received_at: Moment | None = None
    count: int = Field(default=1, ge=1, le=MAX_COUNT)

    @property
    def key(self) -> str:
        """Reports with the same key say the same thing."""
        name = (
            self.fingerprint
            or hashlib.sha256(f"{self.source}|{self.reason}|{self.target}".encode()).hexdigest()[:16]
        )
        return f"{name}:{self.status}"

    def redacted(self) -> Report:
        """The same report with whatever looks like a secret replaced; done once, at the edge.

        A hidden value may be longer than the value was: texts are cut again, so that every reader accepts the report.
        """
        labels = {k: v[:LONG] for k, v in redact_mapping(self.labels).items()}
        texts = {"reason": redact_text(self.reason)[:SHORT], "summary": redact_text(self.summary)[:LONG]}
        return self.model_copy(update={**texts, "labels": labels})


class ReportBatch(BaseModel):
    """What one signal carries: reports of one target, repetitions already counted together."""

    reports: list[Report] = Field(min_length=1)

    @classmethod
    def coalesce(cls, reports: Iterable[Report]) -> ReportBatch:
        """Merge repetitions of the same report into one with their counts added; the order of arrival is kept."""
        merged: dict[str, Report] = {}
        for report in reports:
            seen = merged.pop(report.key, None)
            total = report.count + (seen.count if seen else 0)
            merged[report.key] = report.model_copy(update={"count": min(total, MAX_COUNT)})
        return cls(reports=list(merged.values()))
