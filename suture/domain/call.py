"""A call to people: which level, and which step of which story it is about."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Call(BaseModel):
    """One call to one level. `subject` of the story plus `step` name it: the same is never sent twice."""

    model_config = ConfigDict(frozen=True)

    story_id: str = Field(description="incident id, or the workflow id of what is no incident")
    step: str = Field(description="which step of the story, for example post-incident/report/1")
    level: str = "L1"
    severity: str = "medium"
    subject: str
    text: str = ""
