"""Policies tried without an incident: cases with the verdict they expect, and decisions of the past made again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from policies.checking import names
from policies.context import context
from policies.files import read
from policies.verdict import PolicyEngine
from suture.domain.decision import Method, Mode, Route, Routing, Verdict, VerdictKind
from suture.domain.diagnosis import FailureType, Hypothesis
from suture.domain.facts import Facts
from suture.domain.governor import Standing
from suture.domain.impact import ActionImpact, Impact
from suture.domain.incident import IncidentRecord
from suture.domain.plan import Plan
from suture.domain.stages import Severity
from suture.domain.target import Target


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Given(_Strict):
    """What a case decides about: a plan, and what differs from an ordinary afternoon. `reach` has one entry an action."""

    plan: Plan
    target: Target | None = None  # the object of the first action
    severity: Severity = Severity.HIGH
    failure_type: FailureType = FailureType.UNKNOWN
    origin: str = "detector"
    cause: str = ""
    confidence: float = Field(default=0.9, ge=0, le=1)
    route: Route = Route.RULE_BASED
    method: Method = Method.EXECUTE
    score: float = Field(default=0.9, ge=0, le=1)
    reach: list[dict[str, Any]] = Field(default_factory=list)
    governor: Standing = Standing()
    at: datetime = datetime(2026, 1, 7, 15, tzinfo=UTC)  # a Wednesday
    actor: str = ""

    def facts(self) -> Facts:
        """Raises ValueError when `reach` does not fit the plan."""
        first = self.plan.actions[0].object
        return Facts(
            target=self.target or Target(namespace=first.namespace, kind=first.kind, name=first.name),
            severity=self.severity,
            hypothesis=Hypothesis(
                id="case",
                failure_type=self.failure_type,
                origin=self.origin,
                cause=self.cause,
                confidence=self.confidence,
                plan=self.plan,
            ),
            routing=Routing(route=self.route, method=self.method, reason="", hybrid_score=self.score),
            impact=self._impact(),
            standing=self.governor,
            at=self.at if self.at.tzinfo else self.at.replace(tzinfo=UTC),
            actor=self.actor,
        )

    def _impact(self) -> Impact | None:
        if not self.reach:
            return None
        if len(self.reach) != len(self.plan.actions):
            raise ValueError("reach has one entry for each action of the plan")
        about = zip(self.plan.actions, self.reach, strict=True)
        return Impact(
            actions=[ActionImpact(**{"object": a.object, "owner": a.object, **values}) for a, values in about]
        )


class Expected(_Strict):
    """What the verdict must be; what is not named does not matter. `reasons` are parts of reasons or modifications."""

    verdict: VerdictKind
    needs_person: bool | None = None
    mode: Mode | None = None
    method: Method | None = None
    quorum: int | None = None
    matched: list[str] | None = None
    replicas: list[int | None] | None = None
    reasons: list[str] = Field(default_factory=list)

    def differences(self, verdict: Verdict) -> list[str]:
        """What is otherwise, in words."""
        plan = verdict.plan
        found: dict[str, object] = {
            "verdict": verdict.kind,
            "needs_person": verdict.needs_person,
            "mode": verdict.mode,
            "method": verdict.method,
            "quorum": verdict.approval.quorum if verdict.approval else 1,
            "matched": verdict.matched,
            "replicas": [getattr(a, "replicas", None) for a in plan.actions] if plan else None,
        }
        told = [
            f"{name} is {_plain(value)}, expected {_plain(wanted)}"
            for name, value in found.items()
            if (wanted := getattr(self, name)) is not None and wanted != value
        ]
        said = [*verdict.reasons, *verdict.modifications]
        told += [
            f"no reason says {r!r}: {'; '.join(said)}" for r in self.reasons if not any(r in s for s in said)
        ]
        return told


class Case(_Strict):
    """One thing that the policies must decide in one way."""

    name: str = Field(min_length=1)
    given: Given
    expect: Expected


class Fixtures(_Strict):
    """A file of cases. `policies` are files beside it; none: those of the installation."""

    version: int = Field(default=1, ge=1, le=1)
    policies: list[Path] = Field(default_factory=list)
    cases: list[Case] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> Fixtures:
        """Raises Invalid naming file and line."""
        fixtures = read(path, cls, "fixtures")[0]
        beside = [path.parent / policy for policy in fixtures.policies]
        return fixtures.model_copy(update={"policies": beside})


class Again(BaseModel):
    """One decision of the past, made again."""

    incident_id: str
    attempt: int
    plan: str
    before: str
    after: str
    why: list[str]

    @property
    def differs(self) -> bool:
        return self.before != self.after


def again(record: IncidentRecord, engine: PolicyEngine) -> list[Again]:
    """Every decision of an incident as other policies would make it, from what was known then."""
    found = []
    for number, attempt in enumerate(record.attempts, 1):
        facts, verdict = attempt.facts(record), attempt.verdict
        if facts is None or verdict is None:
            continue
        new = engine.decide(facts)
        found.append(
            Again(
                incident_id=record.incident_id,
                attempt=number,
                plan=facts.plan.describe(),
                before=brief(verdict),
                after=brief(new),
                why=new.reasons,
            )
        )
    return found


def brief(verdict: Verdict) -> str:
    """A verdict in a few words: `approved`, `approved by 2 people`, `modified (dry run)`, `denied`."""
    if verdict.kind is VerdictKind.DENIED:
        return "denied"
    words = str(verdict.kind)
    if verdict.mode is not Mode.ACT:
        return f"{words} ({_plain(verdict.mode)})"
    quorum = verdict.approval.quorum if verdict.approval else 1
    asked = f" by {quorum} people" if quorum > 1 else " by a person"
    return words + (asked if verdict.needs_person else "")


def values(when: str, facts: Facts) -> dict[str, Any]:
    """What a condition saw: each path it speaks of, with its value at the time (UTC)."""
    made = context(facts)
    return {path: _at(made, path.split(".")) for path in names(when)}


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _plain(value: object) -> str:
    return (
        str(value).replace("_", " ") if not isinstance(value, list) else ", ".join(map(str, value)) or "none"
    )
