"""Which incidents are followed up, and when what is due: the rules as a file."""

from __future__ import annotations

from pathlib import Path

from policies.files import read
from suture.domain.post_incident import PostIncidentRules

SHIPPED = Path(__file__).with_name("post_incident.yaml")


def load_post_incident(path: Path | None = None) -> PostIncidentRules:
    """Read the rules, the shipped ones by default; raises Invalid naming file and line."""
    return read(path or SHIPPED, PostIncidentRules, "post-incident file")[0]
