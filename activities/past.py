"""What the ledger knows of the time before, in the words of diagnosis."""

from __future__ import annotations

from datetime import datetime, timedelta

from suture.diagnosis.changes import Past, Period, State
from suture.ports import History, Ledger

LOOK_BACK = timedelta(days=7)


async def past_of(ledger: Ledger | None, namespace: str, now: datetime) -> Past | None:
    """The changes of a namespace and of what is cluster-wide; None when the ledger keeps no history. Raises Unavailable."""
    if not isinstance(ledger, History):
        return None
    states = await ledger.changed(namespace, now - LOOK_BACK)
    health = await ledger.health()
    return Past.of(
        (State(r.id, r.ref, r.uid, r.at, r.manager, r.content, r.restorable) for r in states),
        {
            ref: [Period(p.since, p.until) for p in periods]
            for ref, periods in health.items()
            if not namespace or ref.namespace in ("", namespace)
        },
    )
