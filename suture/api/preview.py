"""What a plan that waits would change, field by field: the server's own dry run, so that people see it before they approve."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pydantic import BaseModel, Field

from suture.domain.action import Action
from suture.domain.errors import SutureError
from suture.domain.plan import Plan
from suture.domain.redaction import is_secret_name, redact, redact_text
from suture.ports import Cluster

SECONDS = 6.0
KEPT_SECONDS = 15.0
KEPT = 64


class Change(BaseModel):
    """One field of an object; None where it is not there."""

    path: str
    before: Any = None
    after: Any = None


class ActionPreview(BaseModel):
    """One action: what it would change now, or why that can't be told."""

    text: str
    changes: list[Change] = Field(default_factory=list)
    note: str = ""


class Preview:
    """Asks the cluster, at most once in `KEPT_SECONDS` for the same plan. Changes nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: dict[str, tuple[float, list[ActionPreview]]] = {}

    async def of(self, plan: Plan) -> list[ActionPreview]:
        """One entry an action, each against the state of now: a later action may find another state."""
        now = time.monotonic()
        kept = self._kept.get(plan.hash)
        if kept and now - kept[0] < KEPT_SECONDS:
            return kept[1]
        made = list(await asyncio.gather(*(self._one(action, plan) for action in plan.actions)))
        self._kept[plan.hash] = (now, made)
        for old in list(self._kept)[:-KEPT]:
            del self._kept[old]
        return made

    async def _one(self, action: Action, plan: Plan) -> ActionPreview:
        text = redact_text(action.describe())
        try:
            async with asyncio.timeout(SECONDS):
                receipt = await self._cluster.prepare(action, f"preview/{plan.hash}", dry_run=True)
        except TimeoutError:
            return ActionPreview(text=text, note="the cluster did not answer in time")
        except SutureError as e:
            return ActionPreview(text=text, note=redact_text(str(e)))
        note = receipt.note if receipt.changed else "nothing would change: it is so already"
        return ActionPreview(text=text, changes=changes(receipt.changes), note=redact_text(note))


def changes(found: dict[str, tuple[Any, Any]]) -> list[Change]:
    """A receipt's changes for people: without secrets, whatever the field is called."""
    shown = []
    for path, (before, after) in found.items():
        last = path.rpartition(".")[2]
        name = last if is_secret_name(last) else ""
        shown.append(Change(path=path, before=redact(before, name), after=redact(after, name)))
    return shown
