"""A desk with one incident, and an audit log in memory: for tests of the API's form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.domain.audit import START, AuditCheck, AuditEntry, AuditRow
from suture.domain.decision import Decision
from suture.domain.errors import Declined, TargetNotFound
from suture.domain.incident import IncidentRecord, Timings
from suture.domain.listing import Line, Listing, Seen, Wanted
from suture.domain.stages import Severity
from suture.domain.target import Target

TARGET = Target(namespace="shop", kind="Deployment", name="web")
RECORD = IncidentRecord(
    incident_id="web-1",
    workflow_id=TARGET.workflow_id,
    target=TARGET,
    severity=Severity.HIGH,
    timings=Timings(started_at=datetime(2026, 1, 1, tzinfo=UTC)),
)


class Shelf:
    """Knows one incident, which takes comments only."""

    async def listing(self, wanted: Wanted) -> Listing:
        line = Line(incident_id="web-1", workflow_id=RECORD.workflow_id, target="shop/deployment/web")
        return Listing(lines=[line], open=1, waiting=0)

    async def look(self, word: str) -> Seen:
        if word != "web-1":
            raise TargetNotFound("no such incident is known")
        return Seen(record=RECORD, live=True)

    async def evidence(self, record: IncidentRecord) -> Any | None:
        return None

    async def decide(self, workflow_id: str, decision: Decision) -> str:
        if decision.choice != "comment":
            raise Declined("nothing waits for approval")
        return "comment taken"


class Paper:
    """Keeps lines in a list."""

    def __init__(self) -> None:
        self.rows: list[AuditRow] = []
        self.links: set[str] = set()

    async def append(self, entry: AuditEntry) -> AuditRow:
        self.rows.append(AuditRow(**entry.model_dump(), seq=len(self.rows) + 1, hash=START))
        return self.rows[-1]

    async def entries(
        self, limit: int = 100, before: int | None = None, subject: str = "", by: str = ""
    ) -> list[AuditRow]:
        return self.rows[::-1][:limit]

    async def verify(self, head: str = "") -> AuditCheck:
        return AuditCheck(lines=len(self.rows), head=START)

    async def use(self, link: str) -> bool:
        new = link not in self.links
        self.links.add(link)
        return new

    async def release(self, link: str) -> None:
        self.links.discard(link)

    async def used(self, link: str) -> bool:
        return link in self.links
