"""The escalation file: the ladder that travels with each incident, and the contacts, which never do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from policies import files
from suture.domain.escalation import Ladder, Name

SHIPPED = Path(__file__).parent / "escalation.yaml"


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Addresses = Annotated[list[SecretStr], BeforeValidator(_several), Field(min_length=1, max_length=20)]


class EscalationFile(Ladder):
    """A ladder with the addresses of its contacts (`env:NAME`, `file:PATH`, or a URL that Apprise knows)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1, le=1)
    contacts: dict[Name, Addresses] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _contacts_are_known(self) -> EscalationFile:
        for level in self.levels:
            unknown = [c for c in [*level.contacts, *level.otherwise] if c not in self.contacts]
            if unknown:
                raise ValueError(f"level {level.name}: no contact is named {', '.join(unknown)}")
        return self

    @property
    def ladder(self) -> Ladder:
        """What incidents need of it: names, no addresses."""
        return Ladder.model_validate(self.model_dump(exclude={"version", "contacts"}))


def load_escalation(path: Path) -> EscalationFile:
    """Read and check an escalation file; raises Invalid that names the file, the line and what to do."""
    return files.read(path, EscalationFile, "escalation file")[0]
