"""Adjust resources: requests and limits of one container in a workload's pod template."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suture.domain.action import AdjustResources
from suture.domain.errors import PreconditionFailed
from suture.domain.snapshot import Manifest, dig
from suture.targets.kubernetes.actions.base import Context, check_kind
from suture.targets.kubernetes.actions.change import FieldChange, Step

TEMPLATES = {
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), "spec.template.spec"),
    "CronJob": "spec.jobTemplate.spec.template.spec",
}


class Adjust(FieldChange[AdjustResources]):
    """The server checks quantities and that no request exceeds its limit; undone field by field."""

    async def step(self, ctx: Context, action: AdjustResources, live: Manifest, at: datetime) -> Step:
        check_kind(action, TEMPLATES)
        path = TEMPLATES[action.object.kind]
        wanted = {"requests": action.requests, "limits": action.limits}
        resources = {k: v for k, v in wanted.items() if v}
        body: Any = {
            _list_with(dig(live, path), action): [{"name": action.container, "resources": resources}]
        }
        for key in reversed(path.split(".")):
            body = {key: body}
        return Step(action, body)


def _list_with(spec: Manifest, action: AdjustResources) -> str:
    names: list[str] = []
    for field in ("containers", "initContainers"):
        found = [c["name"] for c in spec.get(field) or ()]
        if action.container in found:
            return field
        names += found
    raise PreconditionFailed(
        f"{action.object} has no container {action.container!r}; it has {', '.join(names)}"
    )
