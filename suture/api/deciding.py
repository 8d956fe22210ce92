"""What people may say about an incident, by their role; every word is on record before it takes effect, refused ones too."""

from __future__ import annotations

from datetime import UTC, datetime

from suture.access import Role, plain
from suture.api.identity import Caller
from suture.domain.audit import AuditEntry, Result
from suture.domain.decision import ApprovalRequest, Choice, Decision
from suture.domain.errors import Declined, SutureError
from suture.domain.incident import IncidentRecord
from suture.ports import Audit, Desk

NEEDED: dict[Choice, Role] = {
    "approve": Role.APPROVER,
    "reject": Role.APPROVER,
    "delegate": Role.APPROVER,
    "cancel": Role.APPROVER,
    "escalate": Role.RESPONDER,
    "comment": Role.RESPONDER,
    "acknowledge": Role.RESPONDER,
    "unacknowledge": Role.RESPONDER,
}


class Deciding:
    """Takes people's words to the engine."""

    def __init__(self, desk: Desk, audit: Audit) -> None:
        self._desk = desk
        self._audit = audit

    async def decide(self, caller: Caller, record: IncidentRecord, decision: Decision) -> str:
        """The engine's answer. Raises Declined with the reason, TargetNotFound, Unavailable (also when it can't be noted)."""
        detail = described(decision)
        if not may(caller, decision.choice, record.approval):
            needed = f"{caller.name} is {caller.role}: to {decision.choice} takes the role {NEEDED[decision.choice]}"
            await self.note(
                caller, decision.choice, record.incident_id, Result.REFUSED, decision.reason, needed
            )
            raise Declined(needed)
        await self.note(caller, decision.choice, record.incident_id, Result.ASKED, decision.reason, detail)
        try:
            answer = await self._desk.decide(record.workflow_id, decision)
        except SutureError as e:
            await self.note(
                caller, decision.choice, record.incident_id, Result.REFUSED, decision.reason, str(e)
            )
            raise
        await self.note(caller, decision.choice, record.incident_id, Result.TAKEN, decision.reason, answer)
        return answer

    async def note(
        self, caller: Caller, action: str, subject: str, result: Result, reason: str = "", detail: str = ""
    ) -> None:
        """Write a line of the audit log. Raises Unavailable."""
        await self._audit.append(
            AuditEntry(
                at=datetime.now(UTC),
                by=caller.name,
                via=caller.way,
                address=caller.address[:64],
                action=action,
                subject=subject,
                result=result,
                reason=reason,
                detail=detail,
            )
        )


def may(caller: Caller, choice: Choice, asked: ApprovalRequest | None = None) -> bool:
    """Whether the caller's role allows this word; somebody who was named to decide in another's place may decide."""
    if caller.may(NEEDED[choice]):
        return True
    named = asked is not None and any(plain(d.to) == plain(caller.name) for d in asked.delegates)
    return named and choice in ("approve", "reject") and caller.may(Role.RESPONDER)


def described(decision: Decision) -> str:
    """What exactly was said, for the record."""
    plan = f"plan {decision.plan_hash}" if decision.plan_hash else ""
    edits = ", ".join(f"{path} = {value}" for path, value in decision.edits.items())
    return "; ".join(part for part in (plan, edits, f"to {decision.to}" if decision.to else "") if part)
