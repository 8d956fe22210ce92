"""Delete a pod that comes back, or for good what an action has created: one uid, never its heir.

A pod on a node that answers is evicted, so that the server itself holds it to its disruption budgets; one on a lost node serves
nobody, and is deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.domain.action import DeleteObject, DeletePod, Receipt
from suture.domain.errors import Conflict, PreconditionFailed, TargetNotFound
from suture.domain.snapshot import CLUSTER_SCOPED, Manifest, dig
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.actions.base import Context, check_expect, check_kind, done, receipt_for
from suture.targets.kubernetes.kinds import KINDS


class Removal:
    """A delete with a uid precondition is idempotent by itself: gone, or replaced by another, means done."""

    async def prepare(
        self, ctx: Context, action: DeletePod | DeleteObject, key: str, at: datetime
    ) -> Receipt:
        live = await ctx.client.get(action.object)
        check_expect(action, live)
        if isinstance(action, DeletePod):
            await _check_comes_back(ctx, action, live)
        elif action.expect.uid is None:
            raise PreconditionFailed(f"cannot {action.describe()}: the plan must name the object's uid")
        leaving = bool(live["metadata"].get("deletionTimestamp"))
        if leaving and _grace(action) is None:
            return receipt_for(action, key, at, live, changed=False, note="it is being deleted already")
        await _take_away(ctx, action, live, dry_run=True)
        return receipt_for(action, key, at, live, changes={"object": ("present", None)})

    async def apply(self, ctx: Context, receipt: Receipt) -> Receipt:
        action: Any = receipt.action
        try:
            live = await ctx.client.get(action.object)
            if live["metadata"]["uid"] != receipt.uid or _leaves_in_time(action, live):
                return done(receipt)
            await _take_away(ctx, action, live)
        except (TargetNotFound, Conflict):  # gone, or its name belongs to another object by now
            return done(receipt)
        return done(receipt)


def _grace(action: DeletePod | DeleteObject) -> int | None:
    return action.grace_seconds if isinstance(action, DeletePod) else None


def _leaves_in_time(action: DeletePod | DeleteObject, live: Manifest) -> bool:
    """Whether it was told to stop already, with no more time than the action would give it."""
    meta, grace = live["metadata"], _grace(action)
    left = meta.get("deletionGracePeriodSeconds") or 0
    return bool(meta.get("deletionTimestamp")) and (grace is None or left <= grace)


async def _take_away(
    ctx: Context, action: DeletePod | DeleteObject, live: Manifest, dry_run: bool = False
) -> None:
    uid, grace = live["metadata"]["uid"], _grace(action)
    if isinstance(action, DeletePod) and await _still_runs(ctx, live):
        await ctx.client.evict(action.object, uid=uid, grace_seconds=grace, dry_run=dry_run)
    else:
        await ctx.client.delete(action.object, uid=uid, grace_seconds=grace, dry_run=dry_run)


async def _still_runs(ctx: Context, pod: Manifest) -> bool:
    """Whether it may serve somebody: on a node that is there and not silent, and not told to stop yet."""
    node = dig(pod, "spec.nodeName")
    if not node or pod["metadata"].get("deletionTimestamp"):
        return False
    try:
        found = await ctx.client.get(ObjectRef(kind="Node", name=node))
    except TargetNotFound:
        return False
    said = (c for c in dig(found, "status.conditions") or () if c.get("type") == "Ready")
    return not any(c.get("status") == "Unknown" for c in said)


async def _check_comes_back(ctx: Context, action: DeletePod, live: Manifest) -> None:
    """Raises PreconditionFailed unless a living controller will make the pod anew."""
    check_kind(action, ("Pod",))
    owner = next((o for o in live["metadata"].get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        raise PreconditionFailed(f"{action.object} has no controller: nothing would make it again")
    if owner["kind"] == "Node":
        raise PreconditionFailed(f"{action.object} is a static pod: its kubelet decides, not the API")
    if owner["kind"] not in KINDS:  # somebody's own controller; trusted
        return
    namespace = "" if owner["kind"] in CLUSTER_SCOPED else action.object.namespace
    try:
        above = await ctx.client.get(ObjectRef(kind=owner["kind"], namespace=namespace, name=owner["name"]))
    except TargetNotFound as e:
        raise PreconditionFailed(
            f"the controller of {action.object} is gone: nothing would make it again"
        ) from e
    if above["metadata"]["uid"] != owner["uid"] or dig(above, "status.completionTime"):
        raise PreconditionFailed(
            f"the controller of {action.object} will not make it again: it is another one or has finished"
        )
