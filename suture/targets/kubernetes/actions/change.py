"""The frame of every action that changes fields: prepare by a dry run, apply at most once.

An apply goes out with the resource version that was read a moment before, and only when uid and generation
still are those of the receipt. So a repeat either finds its mark, or finds the wished state, or finds that
somebody else has changed the object since - and then writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from suture.domain.action import Action, BaseAction, Expect, Patch, Receipt, Reversibility
from suture.domain.errors import Conflict, Invalid, PreconditionFailed, SutureError, Unavailable
from suture.domain.snapshot import Manifest
from suture.targets.kubernetes import diff
from suture.targets.kubernetes.actions.base import (
    ATTEMPTS,
    Context,
    check_expect,
    check_not_leaving,
    done,
    is_marked,
    mark_of,
    marked_at,
    receipt_for,
    scrubbed,
)
from suture.targets.kubernetes.client import PatchType
from suture.targets.kubernetes.errors import DoesNotApply
from suture.targets.kubernetes.sealed import incoming, restorable

A = TypeVar("A", bound=BaseAction)


@dataclass(frozen=True, slots=True)
class Step:
    """The request that carries an action out.

    `action` is the wish made exact; `undo` None means that it is made from the difference.
    """

    action: BaseAction
    body: Any
    patch_type: PatchType = "strategic"
    undo: list[Action] | None = None
    note: str = ""
    hide: Sequence[str] = ()  # texts of the body that an error message must not repeat


class FieldChange(Generic[A]):
    """Subclasses say in `step` what to send."""

    async def step(self, ctx: Context, action: A, live: Manifest, at: datetime) -> Step:
        """The request for the object as it is; `at` is when the action was prepared.

        Raises PreconditionFailed, Invalid, Unavailable.
        """
        raise NotImplementedError

    def lets_go(self, action: A) -> bool:
        """Whether the action is meant for an object that is being deleted."""
        return False

    async def prepare(self, ctx: Context, action: A, key: str, at: datetime) -> Receipt:
        for _ in range(ATTEMPTS):
            live = await ctx.client.get(action.object)
            check_expect(action, live)
            if not self.lets_go(action):
                check_not_leaving(action.object, live)
            step = await self.step(ctx, action, live, at)
            try:
                after = await _send(ctx, step, live, key, dry_run=True)
            except Conflict:
                continue
            return _receipt(ctx, step, key, at, live, after)
        raise Unavailable(f"{action.object} is changed all the time: try again later")

    async def apply(self, ctx: Context, receipt: Receipt) -> Receipt:
        action: Any = receipt.action
        seen, refusal = "", None
        for _ in range(ATTEMPTS):
            live = await ctx.client.get(action.object)
            if _is_done(ctx, receipt, live):
                return done(receipt, written_at=marked_at(live, receipt.key))
            version = live["metadata"]["resourceVersion"]
            if refusal and version == seen:
                raise refusal
            try:
                step = await self.step(ctx, action, live, receipt.prepared_at)
                after = await _send(ctx, step, live, receipt.key)
            except (Conflict, PreconditionFailed, Invalid) as e:
                # It counts only for the object as it still is: another worker may have carried it out.
                seen, refusal = version, None if isinstance(e, Conflict) else e
                continue
            return done(receipt, written_at=marked_at(after, receipt.key))
        raise Conflict(f"{action.object} is changed all the time: read it again")


async def _send(ctx: Context, step: Step, live: Manifest, key: str, dry_run: bool = False) -> Manifest:
    body, clear = incoming(step.body, ctx.sealer)
    version = live["metadata"]["resourceVersion"]
    if step.patch_type == "json":
        body = [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, *body]
    else:
        body = {**body, "metadata": {**(body.get("metadata") or {}), "resourceVersion": version}}
    try:
        return await ctx.client.patch(
            step.action.object, body, step.patch_type, manager=mark_of(key), dry_run=dry_run
        )
    except DoesNotApply as e:
        raise PreconditionFailed(
            f"{step.action.object} has other values by now than those to be changed"
        ) from e
    except SutureError as e:
        raise scrubbed(e, [*clear, *step.hide]) from None


def _is_done(ctx: Context, receipt: Receipt, live: Manifest) -> bool:
    """Whether the action is carried out already.

    Raises PreconditionFailed when the object is neither that nor still as it was prepared.
    The wished state counts as done without a mark, because a write that only removes fields leaves none.
    """
    meta, ref = live["metadata"], receipt.action.object
    if meta["uid"] != receipt.uid:
        raise PreconditionFailed(f"{ref} was replaced by another object since the action was prepared")
    if is_marked(live, receipt.key):
        return True
    if "generation" in meta:
        same = meta["generation"] == receipt.generation
    else:
        same = meta["resourceVersion"] == receipt.resource_version
    stands = "before" if same else diff.state(ctx.sealed(live), receipt.changes)
    if stands == "before" and (
        same or "generation" not in meta
    ):  # only a status or an unrelated field has changed
        return False
    if stands == "after":
        return True
    raise PreconditionFailed(f"{ref} was changed since the action was prepared: diagnose it again")


def _receipt(ctx: Context, step: Step, key: str, at: datetime, live: Manifest, after: Manifest) -> Receipt:
    was, will = ctx.sealed(live), ctx.sealed(after)
    told = diff.changes(was, will)
    undo, note = _undo(step, was, will) if told else ([], "")
    return receipt_for(
        step.action,
        key,
        at,
        live,
        changed=bool(told),
        changes=told,
        undo=undo,
        note="; ".join(filter(None, (step.note, note))),
    )


def _undo(step: Step, was: Manifest, will: Manifest) -> tuple[list[Action], str]:
    if step.action.reversibility is not Reversibility.UNDO:
        return [], ""
    if step.undo is not None:
        return step.undo, ""
    back = diff.inverse(was, will)
    if not restorable(back):
        return [], "cannot be undone: secret values are kept as hashes only"
    note = f"undo: {step.action.describe()}"[:256]
    expect = Expect(uid=was["metadata"]["uid"])
    return [Patch(object=step.action.object, expect=expect, patch_type="json", body=back, note=note)], ""
