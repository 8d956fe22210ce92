"""The cluster's own voice: follow the watch, keep the ledger, and report what is in trouble beyond its grace time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import BaseModel
from temporalio import activity

from activities.wellness import Wellness
from suture.diagnosis.detect import detect
from suture.diagnosis.symptoms import troubles
from suture.diagnosis.wellbeing import wellbeing
from suture.domain.diagnosis import Health, Symptom
from suture.domain.errors import SutureError
from suture.domain.report import Report, ReportBatch, ReportStatus
from suture.domain.snapshot import Snapshot, ref_of
from suture.domain.stages import Severity
from suture.domain.target import ObjectRef, Target
from suture.ports import Change, Cluster, ClusterFeed, History, Incidents, Ledger

BEAT = 1.0  # seconds between looks at what is not settled yet: grace times pass without a change
SETTLE = 0.1  # seconds for a burst of changes to come together
REMIND = 1800.0  # seconds after which trouble that is still there is reported again
log = structlog.get_logger(__name__)


class WatchRequest(BaseModel):
    """Which cluster, and for how many seconds this run lasts."""

    cluster: str
    run_seconds: float


class Watch:
    """Reports each trouble once, again after REMIND seconds, and its end once."""

    def __init__(self, cluster: Cluster, feed: ClusterFeed, ledger: Ledger, incidents: Incidents) -> None:
        self._cluster = cluster
        self._feed = feed
        self._ledger = ledger
        self._incidents = incidents

    @activity.defn(name="watch")
    async def watch(self, request: WatchRequest) -> None:
        """Runs for `run_seconds`, heartbeating every BEAT. Cancelled when another worker has taken over."""
        await _beating(self._feed.synced())
        everything = await self._cluster.snapshot("")
        await self._ledger.record(_as_changes(everything))
        wellness = None
        if isinstance(self._ledger, History):
            await self._ledger.reconcile((ref_of(o) for o in everything), everything.taken_at)
            wellness = Wellness(self._ledger)
            await wellness.load()
        look = _Look(self._cluster, self._incidents, wellness)
        look.namespaces(o["metadata"].get("namespace", "") for o in everything)
        until = time.monotonic() + request.run_seconds
        keeping = asyncio.ensure_future(self._keep(look))
        try:
            while time.monotonic() < until and not activity.is_worker_shutdown():
                await look.around()
                activity.heartbeat()
                await _either(keeping, look.stirred)
                if keeping.done():  # only ever with an error: Temporal starts the watch again
                    return keeping.result()
                if look.stirred.is_set():
                    await asyncio.sleep(SETTLE)
        finally:
            keeping.cancel()

    async def _keep(self, look: _Look) -> None:
        """Write every change down as it comes: however long a look takes, diagnosis must know what was changed."""
        async for batch in self._feed.changes():
            await self._ledger.record(batch)
            look.changed(batch)


class _Look:
    """What was seen and said so far, and where to look next."""

    def __init__(self, cluster: Cluster, incidents: Incidents, wellness: Wellness | None = None) -> None:
        self._cluster = cluster
        self._incidents = incidents
        self._wellness = wellness
        self.stirred = asyncio.Event()
        self._dirty: set[str] = set()
        self._reported: dict[ObjectRef, tuple[float, Report]] = {}
        self._first_seen: dict[ObjectRef, datetime] = {}

    def namespaces(self, names: Iterable[str]) -> None:
        """Look at these namespaces next."""
        self._dirty.update(names)

    def changed(self, batch: Iterable[Change]) -> None:
        """Look where something changed; a node concerns only itself here, its pods change with it."""
        seen = list(batch)
        self._dirty.update(c.ref.namespace for c in seen)
        self.stirred.set()
        if self._wellness:
            self._wellness.gone((c.ref for c in seen if c.manifest is None), datetime.now(UTC))

    async def around(self) -> None:
        """Look where something changed or is not settled; what Temporal or the cluster cannot take now comes later."""
        self.stirred.clear()
        unsettled = {o.namespace for o in (*self._first_seen, *self._reported)}
        places, self._dirty = self._dirty | unsettled, set()
        for namespace in places:
            try:
                await self._at(namespace)
            except SutureError as e:
                self._dirty.add(namespace)
                log.warning("could not look", namespace=namespace, error=str(e))
        if self._wellness:
            await self._wellness.keep(datetime.now(UTC))

    async def _at(self, namespace: str) -> None:
        snapshot, now = await self._cluster.snapshot(namespace), datetime.now(UTC)
        owners = {s.owner: s for s in reversed(troubles(snapshot, now)) if s.owner.namespace == namespace}
        if self._wellness:
            for ref, well in wellbeing(snapshot, namespace, owners):
                self._wellness.saw(ref, well, now)
        for owner, symptom in owners.items():
            await self._trouble(snapshot, owner, symptom, now)
        for owner in [o for o in self._reported if o.namespace == namespace and o not in owners]:
            await self._recovered(owner)
        for owner in [o for o in self._first_seen if o.namespace == namespace and o not in owners]:
            del self._first_seen[owner]

    async def _trouble(self, snapshot: Snapshot, owner: ObjectRef, symptom: Symptom, now: datetime) -> None:
        first = self._first_seen.setdefault(owner, symptom.since or now)
        last = self._reported.get(owner)
        if last and time.monotonic() - last[0] < REMIND:
            return
        target = Target(
            cluster=self._cluster.name, namespace=owner.namespace, kind=owner.kind, name=owner.name
        )
        detection = detect(snapshot, target, [], now, first)
        if detection.health is not Health.UNHEALTHY:
            return
        report = report_of(
            target, detection.symptoms[0] if detection.symptoms else symptom, detection.summary, first
        )
        await self._incidents.report(target, ReportBatch(reports=[report]))
        self._reported[owner] = (time.monotonic(), report)
        log.info("trouble reported", target=str(target), reason=report.reason)

    async def _recovered(self, owner: ObjectRef) -> None:
        """Tell a running incident that its trouble is over."""
        report = self._reported[owner][1].model_copy(update={"status": ReportStatus.RESOLVED})
        await self._incidents.resolved(report.target, ReportBatch(reports=[report]))
        del self._reported[owner]


def report_of(target: Target, symptom: Symptom, summary: str, since: datetime) -> Report:
    """What the watch says of a target in trouble."""
    return Report(
        source="kubernetes",
        target=target,
        severity=Severity.HIGH,
        reason=symptom.reason or str(symptom.failure_type),
        summary=summary[:4000],
        labels={"failure_type": str(symptom.failure_type), "object": str(symptom.object)},
        fingerprint=f"watch-{symptom.failure_type}",
        starts_at=since,
        received_at=datetime.now(UTC),
    ).redacted()


async def _either(task: asyncio.Future[None], stirred: asyncio.Event) -> None:
    """Returns after a BEAT, or before that when the task has ended or something has changed."""
    change = asyncio.ensure_future(stirred.wait())
    waiting: set[asyncio.Future[Any]] = {task, change}
    try:
        await asyncio.wait(waiting, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
    finally:
        change.cancel()


async def _beating(waiting: Awaitable[None]) -> None:
    """Heartbeat while something is awaited."""
    task = asyncio.ensure_future(waiting)
    while not (await asyncio.wait({task}, timeout=BEAT))[0]:
        activity.heartbeat()
    await task


def _as_changes(snapshot: Snapshot) -> list[Change]:
    return [Change(ref=ref_of(o), manifest=o, previous=None, at=snapshot.taken_at) for o in snapshot]
