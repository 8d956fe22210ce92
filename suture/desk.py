"""Where people look at incidents and decide about them: running ones through Temporal, ended ones from the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.domain.decision import Decision
from suture.domain.errors import Invalid, SutureError, TargetNotFound
from suture.domain.incident import IncidentRecord, IncidentStatus, Phase
from suture.domain.listing import Line, Listing, Seen, State, Wanted
from suture.domain.target import Target
from suture.ingest.conversation import Conversation
from suture.memory import queries
from suture.memory.store import SqlMemory
from suture.memory.views import IncidentRow

SCANNED = 2000  # running incidents that are looked through for an id that the database does not know


class Desk:
    """`ports.Desk` over Temporal and the database. What one of them cannot tell is noted, and the other still answers."""

    def __init__(self, conversation: Conversation, memory: SqlMemory) -> None:
        self._talk = conversation
        self._memory = memory

    async def listing(self, wanted: Wanted) -> Listing:
        """What waits for people first, then what runs, then what has ended, the newest of each first."""
        found = Listing(lines=[])
        if wanted.state is not State.ENDED and wanted.outcome is None:
            await self._add_running(found, wanted)
        if wanted.state in (State.ALL, State.ENDED) or wanted.outcome:
            await self._add_ended(found, wanted)
        found.lines = found.lines[: wanted.limit]
        return found

    async def _add_running(self, found: Listing, wanted: Wanted) -> None:
        try:
            found.open, found.waiting = await self._talk.counts()
            began = await self._talk.waiting(wanted.limit)
            if wanted.state is not State.WAITING or not began:
                began = {**await self._talk.open(wanted.limit), **began}
            statuses = await self._talk.statuses(began)
        except SutureError as e:
            found.notes.append(f"running incidents are missing: {e}")
            return
        lines = [_running(w, began[w], s) for w, s in statuses.items() if s is None or _is_open(s)]
        if any(s is None for s in statuses.values()):
            found.notes.append("no worker answers for some incidents: is the engine running?")
        lines = [line for line in lines if wanted.namespace in ("", line.namespace)]
        if wanted.state is State.WAITING:
            lines = [line for line in lines if line.waits]
        if found.waiting is None:
            found.waiting = sum(line.waits for line in lines)
        found.lines += sorted(lines, key=_urgency)

    async def _add_ended(self, found: Listing, wanted: Wanted) -> None:
        shown = {line.incident_id for line in found.lines}
        try:
            rows = await queries.incidents(
                self._memory,
                outcome=wanted.outcome,
                namespace=wanted.namespace or None,
                limit=wanted.limit,
            )
        except SutureError as e:
            found.notes.append(f"ended incidents are missing: {e}")
            return
        found.lines += [_ended(row) for row in rows if row.outcome and row.incident_id not in shown]

    async def look(self, word: str) -> Seen:
        """An incident by its id, the beginning of it, or its workflow's id. Raises TargetNotFound, Invalid, Unavailable."""
        story, missing = None, None
        try:
            story = await queries.incident(self._memory, word)
        except Invalid:
            raise
        except SutureError as e:
            missing = e
        live = await self._live(story.incident.workflow_id if story else await self._workflow_of(word))
        if live and (story is None or live.incident_id == story.incident.incident_id):
            return Seen(record=live, live=live.outcome is None or live.phase is Phase.ESCALATED)
        if story is None:
            raise missing or TargetNotFound(f"no incident {word!r} is known")
        if story.record is None:
            raise Invalid(f"{word} was written by another version of Suture, which alone can read it")
        return Seen(record=story.record, live=False)

    async def _live(self, workflow_id: str) -> IncidentRecord | None:
        try:
            return await self._talk.record(workflow_id) if workflow_id else None
        except SutureError:
            return None

    async def _workflow_of(self, word: str) -> str:
        """The running workflow of an incident that the database does not know (yet)."""
        if word.startswith("incident/"):
            return word
        try:
            ids = [w for w in await self._talk.open(SCANNED) if _may_be(word, w)]
            statuses = await self._talk.statuses(ids)
        except SutureError:
            return ""
        fitting = [w for w, s in statuses.items() if s and s.incident_id.startswith(word)]
        return fitting[0] if len(fitting) == 1 else ""

    async def evidence(self, record: IncidentRecord) -> Any | None:
        """What diagnosis saw, as JSON; None when there is none. Raises Unavailable."""
        return await self._memory.get_evidence(record.evidence) if record.evidence else None

    async def decide(self, workflow_id: str, decision: Decision) -> str:
        """The workflow's answer to a person's word. Raises Declined, TargetNotFound, Unavailable."""
        return await self._talk.decide(workflow_id, decision)


def _may_be(word: str, workflow_id: str) -> bool:
    """Whether an incident id that begins with the word can belong to this workflow: it is NAME-8hex."""
    stem = workflow_id.rpartition("/")[2][:40] + "-"
    return bool(word) and (stem.startswith(word) or word.startswith(stem))


def _is_open(status: IncidentStatus) -> bool:
    """Whether something is still to come: also while people are called about what the engine could not heal."""
    return status.outcome is None or status.phase is Phase.ESCALATED


def _urgency(line: Line) -> tuple[bool, float]:
    return not line.waits, -(line.since.timestamp() if line.since else 0.0)


def _running(workflow_id: str, since: datetime, status: IncidentStatus | None) -> Line:
    if status is None:
        return Line(workflow_id=workflow_id, target=workflow_id.partition("/")[2], since=since)
    asked = status.approval
    return Line(
        incident_id=status.incident_id,
        workflow_id=status.workflow_id,
        target=short(status.target),
        namespace=status.target.namespace,
        severity=status.severity,
        stage=status.stage,
        phase=status.phase,
        cause=asked.cause if asked else status.summary or str(status.failure_type),
        since=since,
        approval=asked,
    )


def _ended(row: IncidentRow) -> Line:
    return Line(
        incident_id=row.incident_id,
        workflow_id=row.workflow_id,
        target="/".join(part for part in (row.namespace, row.kind.lower(), row.name) if part),
        namespace=row.namespace,
        severity=row.severity,
        outcome=row.outcome,
        cause=row.summary or row.failure_type,
        since=row.detected_at,
        seconds_to_heal=row.seconds_to_heal,
    )


def short(target: Target) -> str:
    """The target as people write it: namespace/kind/name."""
    return "/".join(part for part in (target.namespace, target.kind.lower(), target.name) if part)
