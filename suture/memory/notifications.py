"""The journal of notifications: claimed before they are sent, so that no step reaches anybody twice.

When the one who claimed dies before it has settled, nobody can tell whether the message has left. It then counts as unknown
and is not sent again: the next step of the ladder (the next level, or the same one once more) is what makes up for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suture.domain.redaction import redact_text
from suture.memory.database import Database
from suture.memory.statements import table_of
from suture.memory.tables import Notification
from suture.ports import Claim

LEASE = timedelta(seconds=60)  # longer than a send may take: an older claim belongs to nobody who lives
CLAIMED, SENT, FAILED, UNKNOWN = "claimed", "sent", "failed", "unknown"
_t = table_of(Notification)


class SqlNotifications:
    """`ports.NotificationJournal` on the database of the memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, incident_id: str, step: str, way: str, owner: str, subject: str) -> Claim:
        """Of many who claim the same, exactly one gets MINE."""
        now = datetime.now(UTC)
        key = {"incident_id": incident_id, "step": step, "way": way}
        row = {
            **key,
            "state": CLAIMED,
            "owner": owner,
            "tries": 1,
            "subject": redact_text(subject),
            "error": "",
            "claimed_at": now,
            "ended_at": None,
        }
        insert = self._database.insert(_t).values(row).on_conflict_do_nothing().returning(_t.c.state)

        async def take(connection: AsyncConnection) -> Claim:
            if (await connection.execute(insert)).one_or_none():
                return Claim.MINE
            found = (await connection.execute(select(_t).where(_same(key)))).one()
            if found.state != CLAIMED:
                return await _retake(connection, key, found.state, owner, now)
            if not _dead(found.owner, owner) and found.claimed_at > now - LEASE:
                return Claim.BUSY
            lost = update(_t).where(_same(key), _t.c.owner == found.owner).values(state=UNKNOWN, ended_at=now)
            await connection.execute(lost)
            return Claim.UNKNOWN

        return await self._database.write(take)

    async def settle(self, incident_id: str, step: str, way: str, owner: str, error: str = "") -> None:
        """What came of it; only for the claim's owner, and late is better than never."""
        key = {"incident_id": incident_id, "step": step, "way": way}
        came = {
            "state": FAILED if error else SENT,
            "error": redact_text(error),
            "ended_at": datetime.now(UTC),
        }
        statement = update(_t).where(_same(key), _t.c.owner == owner).values(came)
        await self._database.write(lambda c: c.execute(statement))


async def _retake(
    connection: AsyncConnection, key: dict[str, str], state: str, owner: str, now: datetime
) -> Claim:
    """A failed one may be claimed again, by one."""
    if state != FAILED:
        return Claim(state)
    again = {"state": CLAIMED, "owner": owner, "tries": _t.c.tries + 1, "claimed_at": now, "ended_at": None}
    statement = update(_t).where(_same(key), _t.c.state == FAILED).values(again).returning(_t.c.state)
    return Claim.MINE if (await connection.execute(statement)).one_or_none() else Claim.BUSY


def _dead(claimer: str, owner: str) -> bool:
    """Whether the claim was made by an earlier try of the same one: Temporal starts a try when the one before is over."""
    (who, _, before), (me, _, now) = claimer.rpartition("/"), owner.rpartition("/")
    return who == me and before != now


def _same(key: dict[str, Any]) -> Any:
    return and_(*(_t.c[name] == value for name, value in key.items()))
