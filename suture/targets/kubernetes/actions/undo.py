"""Undo a rollout: put back the whole pod template of an earlier revision, as `kubectl rollout undo` does.

The template is read from where the controllers keep it (replica sets, controller revisions) at the moment
of writing; a receipt holds revision numbers only.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from suture.domain.action import Expect, UndoRollout
from suture.domain.errors import PreconditionFailed, Unavailable
from suture.domain.snapshot import Manifest, dig
from suture.targets.kubernetes.actions.base import Context, check_kind
from suture.targets.kubernetes.actions.change import FieldChange, Step
from suture.targets.kubernetes.actions.restart import KINDS, RESTARTED_AT
from suture.targets.kubernetes.kinds import kind_of
from suture.targets.kubernetes.sealed import hidden_texts

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class TemplateRevision:
    """One remembered pod template."""

    number: int
    template: Manifest


class RolloutUndo(FieldChange[UndoRollout]):
    """Undone by going back to the revision that was current before; the controllers keep it."""

    async def step(self, ctx: Context, action: UndoRollout, live: Manifest, at: datetime) -> Step:
        check_kind(action, KINDS)
        if live["spec"].get("paused"):
            raise PreconditionFailed(f"{action.object} is paused: resume it before undoing its rollout")
        if (dig(live, "status.observedGeneration") or 0) < live["metadata"]["generation"]:
            raise Unavailable(
                f"the controller has not seen the last change of {action.object} yet: try again"
            )
        revisions = await history(ctx, live)
        current, wanted = _choose(action, revisions, live)
        exact = action.model_copy(update={"to_revision": wanted.number})
        back = UndoRollout(
            object=action.object, expect=Expect(uid=live["metadata"]["uid"]), to_revision=current.number
        )
        body = [{"op": "replace", "path": "/spec/template", "value": wanted.template}]
        hide = hidden_texts(wanted.template, ctx.sealer)
        return Step(exact, body, "json", undo=[back], note=_note(live), hide=hide)


async def history(ctx: Context, live: Manifest) -> list[TemplateRevision]:
    """All remembered revisions of a workload, the newest first."""
    uid, namespace = live["metadata"]["uid"], live["metadata"]["namespace"]
    kind = "ReplicaSet" if live["kind"] == "Deployment" else "ControllerRevision"
    read = _of_replica_set if kind == "ReplicaSet" else _of_controller_revision
    found = [
        read(item)
        for item in await ctx.client.list(kind_of(kind), namespace)
        if any(
            o.get("controller") and o.get("uid") == uid for o in item["metadata"].get("ownerReferences") or ()
        )
    ]
    return sorted(filter(None, found), key=lambda r: r.number, reverse=True)


def _of_replica_set(item: Manifest) -> TemplateRevision | None:
    number = (item["metadata"].get("annotations") or {}).get(REVISION)
    template = item["spec"].get("template")
    if not number or not number.isdigit() or not template:
        return None
    (dig(template, "metadata.labels") or {}).pop(HASH_LABEL, None)
    return TemplateRevision(int(number), template)


def _of_controller_revision(item: Manifest) -> TemplateRevision | None:
    template = dig(item, "data.spec.template")
    if not template:
        return None
    template.pop("$patch", None)  # `$patch: replace`: the revision is kept as a strategic patch
    return TemplateRevision(int(item["revision"]), template)


def _choose(
    action: UndoRollout, revisions: list[TemplateRevision], live: Manifest
) -> tuple[TemplateRevision, TemplateRevision]:
    """The current revision and the one to go back to."""
    if not revisions:
        raise PreconditionFailed(f"{action.object} has no revision history to go back to")
    current, earlier = revisions[0], revisions[1:]
    if action.to_revision is None:
        wanted = next((r for r in earlier if _essence(r.template) != _essence(current.template)), None)
        if wanted is None:
            raise PreconditionFailed(f"{action.object} has no earlier revision with another pod template")
        return current, wanted
    wanted = next((r for r in revisions if r.number == action.to_revision), None)
    if wanted is None:
        known = ", ".join(str(r.number) for r in revisions)
        raise PreconditionFailed(
            f"{action.object} has no revision {action.to_revision} any more; it has {known}"
        )
    return current, wanted


def _essence(template: Manifest) -> Manifest:
    """The template without its restart date: going back to the same pods heals nothing."""
    kept = copy.deepcopy(template)
    meta: dict[str, Any] = kept.get("metadata") or {}
    notes = meta.get("annotations") or {}
    notes.pop(RESTARTED_AT, None)
    if not notes:
        meta.pop("annotations", None)
    meta.pop("creationTimestamp", None)
    return kept


def _note(live: Manifest) -> str:
    """Known trouble: an ordered stateful set waits for a broken pod to become ready before it replaces it."""
    if (
        live["kind"] == "StatefulSet"
        and live["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    ):
        return "a broken pod must be deleted for the rollout to go on (OrderedReady)"
    return ""
