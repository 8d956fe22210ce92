"""classify: turn what is visible into ranked hypotheses, each with the plan that would mend it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pydantic import BaseModel
from temporalio import activity

from activities.past import past_of
from suture.diagnosis.case import Case
from suture.diagnosis.changes import Past
from suture.diagnosis.classify import classify, wanted_revisions
from suture.diagnosis.detect import detect
from suture.diagnosis.grouping import shared_cause
from suture.diagnosis.impact import impact
from suture.diagnosis.owners import top_owner_of
from suture.diagnosis.unseen import reported_at
from suture.domain.diagnosis import Classification, Health
from suture.domain.governor import Standing
from suture.domain.impact import Impact
from suture.domain.plan import Plan
from suture.domain.report import Report
from suture.domain.target import Target
from suture.ports import Cluster, Governor, Ledger


class ClassifyRequest(BaseModel):
    """What to diagnose; `first_seen` is when the trouble began."""

    target: Target
    reports: list[Report]
    first_seen: datetime


class MeasureRequest(BaseModel):
    """A plan that a person has edited."""

    target: Target
    plan: Plan


class Classify:
    """Reads the cluster and the ledger; the thinking is suture.diagnosis, which is pure."""

    def __init__(self, cluster: Cluster, ledger: Ledger, governor: Governor | None = None) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._governor = governor

    @activity.defn(name="classify")
    async def classify(self, request: ClassifyRequest) -> Classification:
        """Raises Unavailable and Forbidden as detect does."""
        now, target = datetime.now(UTC), request.target
        snapshot, standing = await asyncio.gather(
            self._cluster.snapshot(target.namespace), self._standing(target, now)
        )
        past = await past_of(self._ledger, target.namespace, now)
        detection = detect(snapshot, target, request.reports, now, request.first_seen, past)
        if detection.health is not Health.UNHEALTHY:
            return Classification(hypotheses=[], health=detection.health, target=target, standing=standing)
        wanted = wanted_revisions(snapshot, target.ref, detection.symptoms)
        known = await asyncio.gather(*(self._ledger.last(ref) for ref in wanted))
        case = Case(
            snapshot=snapshot,
            target=target.ref,
            symptoms=detection.symptoms,
            revisions={r.ref: r.id for r in known if r is not None and r.restorable},
            past=past or Past(),
            reported_at=reported_at(request.reports),
            now=now,
        )
        result = classify(case)
        owner = top_owner_of(
            snapshot, target.ref
        )  # of a pod whose alert came while nobody could tell its owner
        cause = owner if owner != target.ref else shared_cause(case, result.next(frozenset()))
        plans = [h.plan for h in result.hypotheses if h.plan]
        found = {
            "cause": target.of(cause) if cause else None,
            "target": target,
            "impacts": {plan.hash: impact(snapshot, plan) for plan in plans},
            "standing": standing,
        }
        return result.model_copy(update=found)

    @activity.defn(name="measure")
    async def measure(self, request: MeasureRequest) -> Impact:
        """How far a plan reaches now. Raises Unavailable and Forbidden as detect does."""
        return impact(await self._cluster.snapshot(request.target.namespace), request.plan)

    async def _standing(self, target: Target, now: datetime) -> Standing:
        """A look without the engine (`suture why`) has no governor."""
        if self._governor is None:
            return Standing()
        return await self._governor.standing(target.cluster, target.namespace, now)
