"""What logs tell: templates with counts, families of errors, and the chain from the first cause to its consequences."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class LogTemplate(BaseModel):
    """Lines that differ only where the template has <*>. `severity` is the gravest of them, `example` the first of those."""

    model_config = ConfigDict(frozen=True)

    template: str
    count: int
    severity: str
    families: tuple[str, ...] = ()
    example: str = ""


class LogEvent(BaseModel):
    """The first of equal troubles in one service. `cause` is the place of the event that it follows from in the chain, and
    `why` what ties the two."""

    model_config = ConfigDict(frozen=True)

    text: str
    template: str
    severity: str
    service: str = ""
    at: datetime | None = None
    count: int = 1
    families: tuple[str, ...] = ()
    names: tuple[str, ...] = Field(
        default=(), description="addresses, paths, services and error codes it names"
    )
    cause: int | None = None
    why: str = ""


class LogAnalysis(BaseModel):
    """`chain` is in the order in which things happened; `first` is the place of the event that most others follow from."""

    model_config = ConfigDict(frozen=True)

    lines: int
    templates: tuple[LogTemplate, ...] = ()
    families: dict[str, int] = Field(default_factory=dict)
    severities: dict[str, int] = Field(default_factory=dict)
    chain: tuple[LogEvent, ...] = ()
    first: int | None = None
