"""Limits, turns and places to test with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from policies.governor import Facts, Place
from policies.limits import Limits
from suture.domain.governor import Standing, Turn
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target

CALM = Standing()
START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday
WIDE: dict[str, Any] = {
    "version": 1,
    "concurrency": {"total": 100, "per_namespace": 100},
    "rates": [],
    "cooldown_seconds": 0,
    "storm": {"incidents": 1000, "within_seconds": 600, "cooldown_seconds": 60},
    "daily_budget": 1000,
    "lease_seconds": 60,
    "first_retry_seconds": 5,
    "last_retry_seconds": 60,
}


def limits(**changes: Any) -> Limits:
    """Limits that hold nothing back, except what a test says."""
    return Limits.model_validate(WIDE | changes)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def turn(
    name: str,
    severity: Severity = Severity.MEDIUM,
    kinds: Sequence[str] = ("scale",),
    objects: Sequence[str] = (),
    namespace: str = "shop",
    incident: str = "1",
    plan: str = "0/p",
    **more: Any,
) -> Turn:
    target = Target(namespace=namespace, kind="Deployment", name=name)
    refs = [ObjectRef.parse(o) for o in objects] or [target.ref] * len(kinds)
    return Turn(
        holder=target.workflow_id,
        incident_id=f"{name}-{incident}",
        target=target,
        severity=severity,
        kinds=list(kinds),
        objects=refs,
        plan=plan,
        **more,
    )


def place(of: Limits, asked: Turn, since: float = 0, held: bool = False) -> Place:
    return Place(
        asked.holder, asked.incident_id, asked.plan, asked.severity.rank, after(since), held, of.needs(asked)
    )


def facts(
    places: Sequence[Place] = (),
    at: float = 0,
    standing: Standing = CALM,
    left: int = 1000,
    **used: Any,
) -> Facts:
    return Facts(after(at), standing, left, places, used.get("used", {}))
