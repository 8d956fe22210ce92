"""One handler for each kind of action."""

from __future__ import annotations

from suture.domain.action import Action
from suture.domain.errors import Invalid
from suture.targets.kubernetes.actions.base import Handler
from suture.targets.kubernetes.actions.nodes import CordonChange
from suture.targets.kubernetes.actions.patch import PatchChange
from suture.targets.kubernetes.actions.recreate import Recreation
from suture.targets.kubernetes.actions.remove import Removal
from suture.targets.kubernetes.actions.remove_created import CreatedRemoval
from suture.targets.kubernetes.actions.resources import Adjust
from suture.targets.kubernetes.actions.restart import Restart
from suture.targets.kubernetes.actions.scale import ScaleChange
from suture.targets.kubernetes.actions.undo import RolloutUndo

HANDLERS: dict[str, Handler] = {
    "undo_rollout": RolloutUndo(),
    "restart_rollout": Restart(),
    "scale": ScaleChange(),
    "delete_pod": Removal(),
    "patch": PatchChange(),
    "recreate_object": Recreation(),
    "remove_created": CreatedRemoval(),
    "delete_object": Removal(),
    "cordon": CordonChange(),
    "uncordon": CordonChange(),
    "adjust_resources": Adjust(),
}


def handler_of(action: Action) -> Handler:
    if found := HANDLERS.get(action.kind):
        return found
    raise Invalid(f"a Kubernetes cluster cannot {action.kind}")
