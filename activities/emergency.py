"""What the emergency procedures do: throw and lift the governor's switches, call levels, look at the infrastructure."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from pydantic import BaseModel, Field
from temporalio import activity

from activities.release import call
from suture.diagnosis.checks import evaluate
from suture.diagnosis.infrastructure import survey
from suture.domain.call import Call
from suture.domain.emergency import Dependency, Place, Prepared, Survey
from suture.domain.errors import SutureError
from suture.domain.governor import Switch, SwitchKind
from suture.domain.incident import IncidentRecord
from suture.domain.plan import Check
from suture.ports import Archive, Cluster, Governor, IncidentServer, Memory, Noted, OnCall, Prober

POLL = 1.0  # seconds between two readings


class ThrowRequest(BaseModel):
    """A switch, and the record that it belongs to."""

    incident_id: str
    switch: Switch


class LiftRequest(BaseModel):
    """Which switch, by whom and why; `at` names this very lifting."""

    incident_id: str
    kind: SwitchKind
    name: str
    by: str
    reason: str
    at: datetime


class HoldRequest(BaseModel):
    """Checks that must hold for `stable_for` seconds on end, within `timeout` seconds."""

    checks: list[Check] = Field(min_length=1)
    stable_for: float = Field(ge=0)
    timeout: float = Field(gt=0)


class Held(BaseModel):
    """Whether they did, and what does not."""

    ok: bool
    failing: list[str] = Field(default_factory=list)


class EmergencyWork:
    """Each may be repeated: a switch that was thrown is found thrown, a call goes out under its step's name."""

    def __init__(
        self,
        prepared: Prepared,
        cluster: Cluster,
        memory: Memory,
        archive: Archive,
        governor: Governor,
        incidents: IncidentServer,
        on_call: OnCall,
        prober: Prober | None = None,
    ) -> None:
        self._prepared = prepared
        self._cluster = cluster
        self._memory = memory
        self._archive = archive
        self._governor = governor
        self._incidents = incidents
        self._on_call = on_call
        self._prober = prober

    @activity.defn(name="emergency_prepared")
    async def prepared(self) -> Prepared:
        """What this installation has prepared."""
        return self._prepared

    @activity.defn(name="emergency_open")
    async def open(self, record: IncidentRecord) -> None:
        """Make sure that the emergency has a row. Raises Unavailable."""
        await self._memory.open_incident(record)

    @activity.defn(name="emergency_save")
    async def save(self, record: IncidentRecord) -> None:
        """Write how it stands. Raises Unavailable."""
        await self._memory.save_incident(record)

    @activity.defn(name="throw_switch")
    async def throw(self, request: ThrowRequest) -> None:
        """Raises Unavailable."""
        switch = request.switch
        thrown = (await self._governor.overview(self._prepared.cluster)).switches
        if not any((s.kind, s.name, s.since) == (switch.kind, switch.name, switch.since) for s in thrown):
            await self._governor.throw(switch)
        until = switch.until.isoformat() if switch.until else "until it is lifted"
        await self._archive.note(
            Noted(
                id=f"{request.incident_id}/{switch.kind}/{switch.name}/{switch.since.isoformat()}/on",
                incident_id=request.incident_id,
                by=switch.by,
                reason=switch.reason,
                target=f"governor/{switch.kind}/{switch.name}",
                changes={switch.kind: ("off", "on"), "until": (None, until)},
                at=switch.since,
            )
        )

    @activity.defn(name="lift_switch")
    async def lift(self, request: LiftRequest) -> bool:
        """Whether it held until now; those that waited because of it are called. Raises Unavailable."""
        held, holders = await self._governor.lift(request.kind, request.name, request.by)
        await self._archive.note(
            Noted(
                id=f"{request.incident_id}/{request.kind}/{request.name}/{request.at.isoformat()}/off",
                incident_id=request.incident_id,
                by=request.by,
                reason=request.reason,
                target=f"governor/{request.kind}/{request.name}",
                changes={request.kind: ("on", "off")},
                at=request.at,
            )
        )
        await call(self._incidents, holders)
        return held

    @activity.defn(name="call_level")
    async def call_level(self, summons: Call) -> list[str]:
        """Who was told. Raises Unavailable when nobody could be reached."""
        return await self._on_call.call(summons)

    @activity.defn(name="survey")
    async def survey(self, dependencies: list[Dependency]) -> Survey:
        """How the infrastructure looks; what cannot be read is said, not raised."""
        places, found = await asyncio.gather(self._ask(dependencies), self._look())
        return found.model_copy(update={"dependencies": places})

    async def _ask(self, dependencies: list[Dependency]) -> list[Place]:
        return await self._prober.ask(dependencies) if self._prober else []

    async def _look(self) -> Survey:
        try:
            return survey(await self._cluster.snapshot("", fresh=True))
        except SutureError as e:
            return Survey(at=datetime.now(UTC), problem=f"the cluster cannot be read: {e}")

    @activity.defn(name="hold")
    async def hold(self, request: HoldRequest) -> Held:
        """Look again and again, heartbeating. Raises Unavailable when the cluster does not answer (retried)."""
        began, good_since = time.monotonic(), None
        while True:
            failing, clock = await self._failing(request.checks), time.monotonic()
            good_since = None if failing else (good_since or clock)
            if good_since is not None and clock - good_since >= request.stable_for:
                return Held(ok=True)
            if clock - began > request.timeout:
                return Held(ok=False, failing=failing or ["it did not stay so"])
            activity.heartbeat()
            await asyncio.sleep(POLL)

    async def _failing(self, checks: list[Check]) -> list[str]:
        """Read from the server itself: the watch may not have seen the change yet."""
        namespaces = sorted({c.object.namespace for c in checks})
        snapshots = {n: await self._cluster.snapshot(n, fresh=True) for n in namespaces}
        results = [evaluate(snapshots[c.object.namespace], c, datetime.now(UTC)) for c in checks]
        return [r.text for r in results if not r.ok]
