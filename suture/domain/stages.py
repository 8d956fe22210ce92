"""The seven stages and the ways an incident ends: the names used in files, spans, metrics, CLI and UI alike."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """One step of the story of an incident, in this order."""

    DETECT = "detect"
    CLASSIFY = "classify"
    ROUTE = "route"
    APPROVE = "approve"
    EXECUTE = "execute"
    VERIFY = "verify"
    MEMORIZE = "memorize"


class Outcome(StrEnum):
    """How an incident ended."""

    HEALED = "healed"
    SELF_RESOLVED = "self_resolved"
    ESCALATED = "escalated"
    FAILED = "failed"


class Severity(StrEnum):
    """How bad a report says it is; the four levels of the router."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 (low) to 3 (critical), to compare by."""
        return list(Severity).index(self)

    @classmethod
    def parse(cls, text: str | None) -> Severity:
        """Map the words that alerting systems use; an unknown word counts as medium.

        >>> Severity.parse("page"), Severity.parse("warning"), Severity.parse("whatever")
        (<Severity.CRITICAL: 'critical'>, <Severity.MEDIUM: 'medium'>, <Severity.MEDIUM: 'medium'>)
        """
        return _SEVERITY_WORDS.get((text or "").strip().lower(), cls.MEDIUM)


_SEVERITY_WORDS = {
    **dict.fromkeys(
        ("info", "information", "informational", "low", "none", "notice", "p4", "p5"), Severity.LOW
    ),
    **dict.fromkeys(("warning", "warn", "medium", "moderate", "p3"), Severity.MEDIUM),
    **dict.fromkeys(("error", "high", "major", "p2"), Severity.HIGH),
    **dict.fromkeys(("critical", "page", "fatal", "emergency", "disaster", "p1", "p0"), Severity.CRITICAL),
}
