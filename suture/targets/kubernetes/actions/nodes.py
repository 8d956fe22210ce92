"""Cordon and uncordon: whether the scheduler may use a node."""

from __future__ import annotations

from datetime import datetime

from suture.domain.action import Action, Cordon, Expect, Uncordon
from suture.domain.snapshot import Manifest
from suture.targets.kubernetes.actions.base import Context, check_kind
from suture.targets.kubernetes.actions.change import FieldChange, Step


class CordonChange(FieldChange[Cordon | Uncordon]):
    """Each is the other's undo."""

    async def step(self, ctx: Context, action: Cordon | Uncordon, live: Manifest, at: datetime) -> Step:
        check_kind(action, ("Node",))
        on = isinstance(action, Cordon)
        expect = Expect(uid=live["metadata"]["uid"])
        back: Action = (
            Uncordon(object=action.object, expect=expect)
            if on
            else Cordon(object=action.object, expect=expect)
        )
        return Step(action, {"spec": {"unschedulable": True if on else None}}, "merge", undo=[back])
