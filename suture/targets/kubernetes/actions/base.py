"""What all actions share: the precondition, the mark that proves an action was carried out, and receipts.

The mark is the field manager: every write goes out as `suture-<digest of the key>`, which the server itself
notes in the object's managedFields. It costs no label or annotation, and a repeated apply finds it before
it writes anything.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from suture.domain.action import BaseAction, Receipt, digest
from suture.domain.errors import Invalid, PreconditionFailed, SutureError
from suture.domain.redaction import HIDDEN
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.ports import Ledger
from suture.sealing import Sealer
from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.sealed import outgoing

ATTEMPTS = 5  # reads and writes again when somebody else wrote in between


@dataclass(frozen=True, slots=True)
class Context:
    """What an action works with."""

    client: Client
    sealer: Sealer
    ledger: Ledger

    def sealed(self, manifest: Manifest) -> Manifest:
        """A copy of a manifest that may leave the adapter."""
        return outgoing(copy.deepcopy(manifest), self.sealer)


class Handler(Protocol):
    """How one kind of action is prepared and carried out (see ports.Cluster)."""

    async def prepare(self, ctx: Context, action: Any, key: str, at: datetime) -> Receipt: ...

    async def apply(self, ctx: Context, receipt: Receipt) -> Receipt: ...


def mark_of(key: str) -> str:
    """The field manager of the write that carries out this idempotency key."""
    return f"suture-{digest(key)}"


def is_marked(live: Manifest, key: str) -> bool:
    """Whether the server has noted the write of this key on the object."""
    mark = mark_of(key)
    return any(entry.get("manager") == mark for entry in live["metadata"].get("managedFields") or ())


def marked_at(live: Manifest, key: str) -> datetime | None:
    """When the server noted the write of this key, by its own clock; None when it has not."""
    mark = mark_of(key)
    times = [
        e["time"]
        for e in live["metadata"].get("managedFields") or ()
        if e.get("manager") == mark and e.get("time")
    ]
    return datetime.fromisoformat(max(times).replace("Z", "+00:00")) if times else None


def check_kind(action: BaseAction, kinds: Iterable[str]) -> None:
    """Raises Invalid when the action does not exist for the object's kind."""
    allowed = sorted(kinds)
    if action.object.kind not in allowed:
        raise Invalid(f"cannot {action.describe()}: this works on {', '.join(allowed)} only")


def check_expect(action: BaseAction, live: Manifest) -> None:
    """Raises PreconditionFailed when the object is not the one, or not in the state, that was diagnosed."""
    meta, expect = live["metadata"], action.expect
    if expect.uid is not None and expect.uid != meta["uid"]:
        raise PreconditionFailed(
            f"{action.object} was replaced by another object of the same name: diagnose it again"
        )
    if expect.generation is not None and expect.generation != meta.get("generation"):
        raise PreconditionFailed(f"{action.object} was changed since it was diagnosed: diagnose it again")
    versioned = "generation" not in meta and "status" not in live
    if versioned and expect.resource_version not in (None, meta["resourceVersion"]):
        raise PreconditionFailed(f"{action.object} was changed since it was diagnosed: diagnose it again")


def check_not_leaving(ref: ObjectRef, live: Manifest) -> None:
    """Raises PreconditionFailed when the object is being deleted: a change to it would heal nothing."""
    if live["metadata"].get("deletionTimestamp"):
        raise PreconditionFailed(f"{ref} is being deleted")


def receipt_for(action: Any, key: str, at: datetime, live: Manifest | None, **more: Any) -> Receipt:
    """A prepared receipt with the identity of the object as it was read."""
    meta = live["metadata"] if live else {}
    return Receipt(
        key=key,
        action=action,
        prepared_at=at,
        uid=meta.get("uid"),
        generation=meta.get("generation"),
        resource_version=meta.get("resourceVersion"),
        **more,
    )


def done(receipt: Receipt, **update: Any) -> Receipt:
    """The receipt of an action that has been carried out."""
    return receipt.model_copy(update={"done_at": datetime.now(UTC), **update})


def scrubbed(error: SutureError, clear: Iterable[str]) -> SutureError:
    """The same error without the secret texts of the request that caused it."""
    text = str(error)
    for secret in sorted(filter(None, clear), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return type(error)(text)
