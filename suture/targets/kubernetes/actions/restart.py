"""Restart: the annotation of `kubectl rollout restart`, dated by the receipt, so a repeat is a no-op."""

from __future__ import annotations

from datetime import UTC, datetime

from suture.domain.action import RestartRollout
from suture.domain.errors import PreconditionFailed
from suture.domain.snapshot import Manifest, dig
from suture.targets.kubernetes.actions.base import Context, check_kind
from suture.targets.kubernetes.actions.change import FieldChange, Step

KINDS = ("Deployment", "StatefulSet", "DaemonSet")
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


class Restart(FieldChange[RestartRollout]):
    """Nothing to undo: the controller replaces the pods by the same."""

    async def step(self, ctx: Context, action: RestartRollout, live: Manifest, at: datetime) -> Step:
        check_kind(action, KINDS)
        if live["spec"].get("paused"):
            raise PreconditionFailed(
                f"{action.object} is paused: a restart would not start before it is resumed"
            )
        on_delete = dig(live, "spec.updateStrategy.type") == "OnDelete"
        moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: moment}}}}}
        return Step(
            action, body, note="pods are replaced only when they are deleted (OnDelete)" if on_delete else ""
        )
