"""What others have published about agents on faults of these kinds: for orientation, not a race on one track.

They used their own clusters, applications, faults and rules; none of these figures was measured by the lab.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One figure by others. `low` and `high` are per cent; the same if it is a single figure."""

    benchmark: str
    what: str
    low: float
    high: float
    source: str

    @property
    def figure(self) -> str:
        """For people."""
        return f"{self.high:g} %" if self.low == self.high else f"{self.low:g}-{self.high:g} %"


MITIGATED = (
    Published("AIOpsLab", "mitigation tasks, by agent", 0, 55, "arXiv:2501.06706"),
    Published("ITBench SRE", "site reliability (SRE) scenarios", 13.8, 13.8, "arXiv:2502.05352"),
    Published("ITBench CISO", "security and compliance (CISO) scenarios", 25.2, 25.2, "arXiv:2502.05352"),
)
SPREAD = (
    "SREGym (arXiv:2605.07161) reports end-to-end results that differ by up to 40 % between kinds of failure."
)
NOTE = (
    "Published by others, measured on their own set-ups: other clusters, applications, faults and rules. "
    "They show where the state of the art stands, and are no comparison under equal conditions."
)
