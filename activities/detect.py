"""detect: read the cluster and settle whether there is a problem at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pydantic import BaseModel
from temporalio import activity

from activities.past import past_of
from suture.diagnosis.claims import unseen
from suture.diagnosis.detect import detect
from suture.diagnosis.symptoms import troubles
from suture.domain.diagnosis import Detection, Health
from suture.domain.errors import Invalid
from suture.domain.incident import IncidentRecord
from suture.ports import Cluster, Ledger, Memory

MAX_ELSEWHERE = 100


class DetectRequest(BaseModel):
    """The incident so far; `first_seen` is when its trouble began (for grace times)."""

    record: IncidentRecord
    first_seen: datetime


class Detect:
    """Reads a snapshot, judges it, and keeps what it saw as evidence."""

    def __init__(self, cluster: Cluster, memory: Memory, ledger: Ledger | None = None) -> None:
        self._cluster = cluster
        self._memory = memory
        self._ledger = ledger

    @activity.defn(name="detect")
    async def detect(self, request: DetectRequest) -> Detection:
        """Raises Unavailable (the cluster does not answer; retried) and Forbidden (a permission is missing)."""
        record = request.record
        if record.target.cluster != self._cluster.name:  # a namesake in another cluster must not be touched
            raise Invalid(
                f"{record.target} is in the cluster {record.target.cluster}; this engine heals {self._cluster.name}"
            )
        snapshot = await self._cluster.snapshot(record.target.namespace)
        now = datetime.now(UTC)
        past = await past_of(self._ledger, record.target.namespace, now) if unseen(record.reports) else None
        detection = detect(snapshot, record.target, record.reports, now, request.first_seen, past)
        if detection.health is not Health.UNHEALTHY:
            return detection
        seen = {
            "detection": detection.model_dump(mode="json"),
            "reports": [r.model_dump(mode="json") for r in record.reports],
        }
        _, evidence = await asyncio.gather(
            self._memory.open_incident(record),
            self._memory.put_evidence(record.incident_id, "detection", seen),
        )
        elsewhere = [s for s in troubles(snapshot, now) if s.owner != record.target.ref][:MAX_ELSEWHERE]
        return detection.model_copy(update={"evidence": evidence, "elsewhere": elsewhere})
