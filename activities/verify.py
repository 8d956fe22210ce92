"""verify: wait until the checks hold and keep holding, and see that nothing else broke."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from temporalio import activity

from suture.diagnosis.checks import cause_gone, evaluate, regressions
from suture.diagnosis.detect import detect
from suture.diagnosis.symptoms import troubles
from suture.domain.diagnosis import Health, Symptom
from suture.domain.plan import Plan
from suture.domain.snapshot import Snapshot
from suture.domain.target import Target
from suture.ports import Cluster

SLOWER, LONGEST_POLL = 2.0, 1.0  # seconds: the longer it takes, the less often it looks


class VerifyRequest(BaseModel):
    """What must hold: the plan's checks, for `stable_for` seconds on end, within `timeout` seconds."""

    target: Target
    plan: Plan
    stable_for: float = Field(ge=0)
    timeout: float = Field(gt=0)
    acted_at: datetime
    symptoms: list[Symptom] = Field(default_factory=list)  # the target's own, for which the plan was made
    before: list[Symptom] = Field(default_factory=list)


class Verification(BaseModel):
    """The result: healed or not, in words, with what still fails and what broke meanwhile."""

    healed: bool
    summary: str
    failing: list[str] = Field(default_factory=list)
    regressions: list[Symptom] = Field(default_factory=list)
    cause_gone: bool = False  # not healed, but what the plan was made for is: something else is wrong too


class Verify:
    """Looks at the cluster again and again."""

    def __init__(self, cluster: Cluster, poll_seconds: float = 0.25) -> None:
        self._cluster = cluster
        self._poll = poll_seconds

    @activity.defn(name="verify")
    async def verify(self, request: VerifyRequest) -> Verification:
        """Heartbeats while it waits; raises Unavailable when the cluster does not answer (retried)."""
        began = time.monotonic()
        good_since: float | None = None
        while True:
            snapshot = await self._cluster.snapshot(request.target.namespace)
            now, clock = datetime.now(UTC), time.monotonic()
            failing = _failing(snapshot, request, now)
            broken = [] if failing else _broken(snapshot, request, now)
            good_since = None if failing or broken else (good_since or clock)
            if good_since is not None and clock - good_since >= request.stable_for:
                return Verification(healed=True, summary=f"all checks held for {request.stable_for:g} s")
            late = clock - began > request.timeout
            given_up = "in time" if late else _hopeless(snapshot, request, now) if failing else None
            if given_up:
                return _not_healed(snapshot, request, now, failing, given_up)
            activity.heartbeat()
            await asyncio.sleep(min(self._poll * (1 + (clock - began) / SLOWER), LONGEST_POLL))


def _not_healed(
    snapshot: Snapshot, request: VerifyRequest, now: datetime, failing: list[str], why: str
) -> Verification:
    broken = _broken(snapshot, request, now)
    return Verification(
        healed=False,
        summary=f"not healed: {why}: {'; '.join(failing) or 'something else broke'}",
        failing=failing,
        regressions=broken,
        cause_gone=not broken and cause_gone(snapshot, request.plan, request.symptoms, now),
    )


def _failing(snapshot: Snapshot, request: VerifyRequest, now: datetime) -> list[str]:
    results = [evaluate(snapshot, check, now) for check in request.plan.checks]
    return [r.text for r in results if not r.ok]


def _broken(snapshot: Snapshot, request: VerifyRequest, now: datetime) -> list[Symptom]:
    """What else is in trouble since: looked for only when the checks hold, as it takes in the whole namespace."""
    return regressions(request.before, troubles(snapshot, now), request.plan)


def _hopeless(snapshot: Snapshot, request: VerifyRequest, now: datetime) -> str | None:
    """Why waiting longer makes no sense: a pod made after the change is in definite trouble again."""
    detection = detect(snapshot, request.target, [], now, request.acted_at)
    if detection.health is not Health.UNHEALTHY:
        return None
    for symptom in detection.symptoms:
        pod = snapshot.find(symptom.object) if symptom.object.kind == "Pod" else None
        if pod and pod["metadata"].get("creationTimestamp", "") > request.acted_at.strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ):
            return f"a pod made after the change has the same kind of trouble ({symptom.reason or symptom.failure_type})"
    return None
