"""How far a plan reaches, read off the same snapshot as the diagnosis: what guardrails measure and policies speak of."""

from __future__ import annotations

import math
from typing import Final

from suture.diagnosis.fields import annotation as annotation_of
from suture.diagnosis.fields import is_true, labels, number, text
from suture.diagnosis.gitops import managed_by
from suture.diagnosis.pods import is_ready
from suture.diagnosis.selectors import selects
from suture.domain.action import BaseAction, Cordon, DeletePod, Patch, Scale
from suture.domain.impact import ActionImpact, Impact
from suture.domain.plan import Plan
from suture.domain.snapshot import Manifest, Snapshot, dig
from suture.domain.target import ObjectRef

PROTECTED: Final = "suture.dev/protected"
ROLLING: Final = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
DEFAULT_UNAVAILABLE: Final = "25%"  # of a Deployment that says nothing: Kubernetes' own default


def impact(snapshot: Snapshot, plan: Plan) -> Impact:
    """One entry an action, in the plan's order; what is not in the snapshot reaches nothing."""
    return Impact(actions=[_reach(snapshot, a) for a in plan.actions])


def _reach(snapshot: Snapshot, action: BaseAction) -> ActionImpact:
    owner = snapshot.top_owner(action.object)
    manifest, found = snapshot.find(owner), snapshot.find(action.object)
    wanted = _wanted(snapshot, manifest)
    ready = [p for p in snapshot.pods_of(owner) if is_ready(p)]
    lost = _disrupted(action, manifest, found, wanted, len(ready))
    after = action.replicas if isinstance(action, Scale) else None
    before = number(manifest, "spec.replicas", 1) if after is not None and manifest else None
    return ActionImpact(
        object=action.object,
        owner=owner,
        replicas_wanted=wanted,
        replicas_before=before,
        replicas_after=after,
        replicas_changed=abs(after - before) if after is not None and before is not None else 0,
        healthy_pods_disrupted=lost,
        unhealthy_share_after=_share(wanted - (len(ready) - lost), wanted),
        disruptions_allowed=_allowed(snapshot, owner.namespace, ready),
        nodes_unavailable_share=_nodes(snapshot, action),
        managed_by=managed_by(found) or managed_by(manifest),
        protected=_protected(snapshot, found, manifest, action.object),
    )


def _wanted(snapshot: Snapshot, manifest: Manifest | None) -> int:
    if manifest is None:
        return 0
    if manifest["kind"] == "DaemonSet":
        return number(manifest, "status.desiredNumberScheduled")
    return number(manifest, "spec.replicas", 1) if manifest["kind"] in ROLLING else 0


def _disrupted(
    action: BaseAction, owner: Manifest | None, found: Manifest | None, wanted: int, ready: int
) -> int:
    """Serving pods that may be away at the same time while the action takes effect."""
    if isinstance(action, DeletePod):
        return int(found is not None and is_ready(found))
    if isinstance(action, Scale):
        return max(0, ready - action.replicas)
    if not action.disrupts or owner is None or owner["kind"] not in ROLLING or not _replaces_pods(action):
        return 0
    return min(ready, _at_once(owner, wanted))


def _replaces_pods(action: BaseAction) -> bool:
    """A patch replaces pods only when it touches the pod template."""
    if not isinstance(action, Patch):
        return True
    if isinstance(action.body, list):
        return any(str(o.get("path", "")).startswith("/spec/template") for o in action.body)
    return dig(action.body, "spec.template") is not None


def _at_once(owner: Manifest, wanted: int) -> int:
    """How many pods the workload's own strategy takes away at a time.

    >>> _at_once({"kind": "Deployment", "spec": {"strategy": {"type": "Recreate"}}}, 3)
    3
    """
    strategy = "spec.strategy" if owner["kind"] == "Deployment" else "spec.updateStrategy"
    if text(owner, f"{strategy}.type") == "Recreate":
        return wanted
    if owner["kind"] == "StatefulSet":
        return _count(dig(owner, f"{strategy}.rollingUpdate.maxUnavailable"), wanted) or 1
    default = DEFAULT_UNAVAILABLE if owner["kind"] == "Deployment" else 1
    return _count(dig(owner, f"{strategy}.rollingUpdate.maxUnavailable", default), wanted)


def _count(value: object, of: int) -> int:
    """An IntOrString of pods: shares are rounded down, as maxUnavailable is.

    >>> _count("25%", 7), _count(2, 7), _count("odd", 7)
    (1, 2, 0)
    """
    if isinstance(value, int):
        return value
    share = value[:-1] if isinstance(value, str) and value.endswith("%") else ""
    return math.floor(of * int(share) / 100) if share.isdigit() else 0


def _share(missing: int, wanted: int) -> float:
    return round(min(1.0, max(0, missing) / wanted), 3) if wanted else 0.0


def _allowed(snapshot: Snapshot, namespace: str, pods: list[Manifest]) -> int | None:
    """What the tightest budget over these pods still allows; None without one."""
    budgets = [
        number(b, "status.disruptionsAllowed")
        for b in snapshot.all("PodDisruptionBudget", namespace)
        if any(selects(dig(b, "spec.selector"), labels(p)) for p in pods)
    ]
    return min(budgets, default=None)


def _nodes(snapshot: Snapshot, action: BaseAction) -> float:
    """The share of nodes that would take no pods once this one is cordoned."""
    nodes = snapshot.all("Node")
    if not isinstance(action, Cordon) or not nodes:
        return 0.0
    away = {
        n["metadata"]["name"]
        for n in nodes
        if not is_true(n, "Ready") or dig(n, "spec.unschedulable") is True
    }
    return round(len(away | {action.object.name}) / len(nodes), 3)


def _protected(snapshot: Snapshot, found: Manifest | None, owner: Manifest | None, ref: ObjectRef) -> str:
    """An object, its owner or its namespace may ask to be left alone: `suture.dev/protected: "true"`, or why."""
    space = snapshot.get("Namespace", "", ref.namespace) if ref.namespace else None
    for manifest in (found, owner, space):
        said = annotation_of(manifest, PROTECTED) or labels(manifest).get(PROTECTED, "")
        if manifest is not None and said and said.lower() != "false":
            where = f"{manifest['kind']} {manifest['metadata']['name']}"
            return f"{where} is marked {PROTECTED}" + ("" if said.lower() == "true" else f": {said}")
    return ""
