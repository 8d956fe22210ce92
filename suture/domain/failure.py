"""A failure as it was observed, and what it was called: the words between whoever sees one and whoever classifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Failure:
    """One failure. `context` is code or a manifest near it; `metadata` may hold `stage` (build, test, deploy, run),
    `exit_code`, `reason` and the readings `cpu`, `memory`, `disk` in per cent of the limit. All but the text may miss."""

    text: str
    context: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FailureClass:
    """What a failure is called. `label` is always the most probable type; `abstained` says that it is not to be acted on.
    `probabilities` are calibrated and sum to 1; `words` are those that decided, with their share of the score."""

    label: str
    probabilities: dict[str, float]
    abstained: bool
    words: tuple[tuple[str, float], ...] = ()

    @property
    def confidence(self) -> float:
        """The probability of the label."""
        return self.probabilities[self.label]

    def top(self, count: int = 3) -> list[str]:
        """The most probable types, best first."""
        return sorted(self.probabilities, key=self.probabilities.__getitem__, reverse=True)[:count]
