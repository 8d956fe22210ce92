"""Remove an object that appeared just before the trouble; the ledger can make it again.

Nothing goes unless the ledger holds a complete record of this very object, and a controller's own objects are
left to their controller: it would only make them again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.domain.action import HARMLESS, Receipt, RecreateObject, RemoveCreated
from suture.domain.errors import Conflict, PreconditionFailed, TargetNotFound
from suture.domain.snapshot import ref_of
from suture.targets.kubernetes.actions.base import Context, check_expect, check_kind, done, receipt_for


class CreatedRemoval:
    """Undone by recreating the object from its revision. A delete by uid is idempotent by itself."""

    async def prepare(self, ctx: Context, action: RemoveCreated, key: str, at: datetime) -> Receipt:
        check_kind(action, HARMLESS)
        live = await ctx.client.get(action.object)
        check_expect(action, live)
        if action.expect.uid is None:
            raise PreconditionFailed(f"cannot {action.describe()}: the plan must name the object's uid")
        if live["metadata"].get("ownerReferences"):
            raise PreconditionFailed(f"{action.object} belongs to another object, which would make it again")
        if ref_of(await ctx.ledger.content(action.revision)) != action.object:
            raise PreconditionFailed(f"revision {action.revision} is not one of {action.object}")
        if live["metadata"].get("deletionTimestamp"):
            return receipt_for(action, key, at, live, changed=False, note="it is being deleted already")
        await ctx.client.delete(action.object, uid=action.expect.uid, dry_run=True)
        back = RecreateObject(object=action.object, revision=action.revision)
        return receipt_for(action, key, at, live, changes={"object": ("present", None)}, undo=[back])

    async def apply(self, ctx: Context, receipt: Receipt) -> Receipt:
        action: Any = receipt.action
        try:
            await ctx.client.delete(action.object, uid=receipt.uid or "")
        except (TargetNotFound, Conflict):  # gone, or its name belongs to another object by now
            return done(receipt)
        return done(receipt)
