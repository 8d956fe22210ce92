"""What an installation has prepared for emergencies: the rules as a file."""

from __future__ import annotations

from pathlib import Path

from policies.files import read
from suture.domain.emergency import EmergencyRules

SHIPPED = Path(__file__).with_name("emergency.yaml")


def load_emergency(path: Path | None = None) -> EmergencyRules:
    """Read the rules, the shipped ones by default; raises Invalid naming file and line."""
    return read(path or SHIPPED, EmergencyRules, "emergency file")[0]
