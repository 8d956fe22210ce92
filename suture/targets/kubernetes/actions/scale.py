"""Scale: the object's own `spec.replicas`."""

from __future__ import annotations

from datetime import datetime

from suture.domain.action import Expect, Scale
from suture.domain.snapshot import Manifest
from suture.targets.kubernetes.actions.base import Context, check_kind
from suture.targets.kubernetes.actions.change import FieldChange, Step

KINDS = ("Deployment", "StatefulSet", "ReplicaSet")


class ScaleChange(FieldChange[Scale]):
    """Undone by scaling back."""

    async def step(self, ctx: Context, action: Scale, live: Manifest, at: datetime) -> Step:
        check_kind(action, KINDS)
        back = Scale(
            object=action.object,
            expect=Expect(uid=live["metadata"]["uid"]),
            replicas=live["spec"].get("replicas", 1),
        )
        return Step(action, {"spec": {"replicas": action.replicas}}, "merge", undo=[back])
