"""How far a plan reaches, read off the same snapshot as the diagnosis: what guardrails measure and policies speak of.

Counted at the worst moment: a rollout takes away what the workload's own strategy allows, a deleted pod is away until its
successor is ready, and what earlier actions of the same plan have taken away is still away. A pod on a lost node serves nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from suture.diagnosis.fields import annotation as annotation_of
from suture.diagnosis.fields import is_true, labels, number, text
from suture.diagnosis.gitops import managed_by
from suture.diagnosis.pods import is_ready
from suture.diagnosis.selectors import selects
from suture.diagnosis.view import lost_node
from suture.domain.action import BaseAction, Cordon, DeletePod, Patch
from suture.domain.impact import ActionImpact, Impact, replicas_of
from suture.domain.plan import Plan
from suture.domain.snapshot import Manifest, Snapshot, dig
from suture.domain.target import ObjectRef

PROTECTED: Final = "suture.dev/protected"
SCALED: Final = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
ROLLING: Final = (*SCALED, "DaemonSet")
SHARE: Final = (
    "25%"  # maxUnavailable and maxSurge of a Deployment that says nothing: Kubernetes' own defaults
)
_CLOSING: Final = ("/spec/unschedulable", "/spec/taints")


@dataclass
class _Workload:
    """One workload as it stands after the actions so far: pods wanted, and pods that serve."""

    wanted: int
    serving: int
    deleted: set[ObjectRef] = field(default_factory=set)


def impact(snapshot: Snapshot, plan: Plan) -> Impact:
    """One entry an action, in the plan's order; what is not in the snapshot reaches nothing."""
    seen: dict[ObjectRef, _Workload] = {}
    closed: set[str] = set()
    return Impact(actions=[_reach(snapshot, a, seen, closed) for a in plan.actions])


def _reach(
    snapshot: Snapshot, action: BaseAction, seen: dict[ObjectRef, _Workload], closed: set[str]
) -> ActionImpact:
    owner = snapshot.top_owner(action.object)
    manifest, found = snapshot.find(owner), snapshot.find(action.object)
    state = seen.setdefault(owner, _standing(snapshot, owner, manifest))
    wanted, lost, after = state.wanted, _disrupted(snapshot, action, manifest, state), replicas_of(action)
    state.serving -= lost
    state.wanted = state.wanted if after is None else after
    return ActionImpact(
        object=action.object,
        owner=owner,
        replicas_wanted=wanted,
        replicas_before=None if after is None else wanted,
        replicas_after=after,
        replicas_changed=0 if after is None else abs(after - wanted),
        healthy_pods_disrupted=lost,
        unhealthy_share_after=_share(wanted - state.serving, wanted),
        disruptions_allowed=_allowed(snapshot, action, owner, found),
        nodes_unavailable_share=_nodes(snapshot, action, closed),
        managed_by="" if _comes_back(action, snapshot, found) else managed_by(found) or managed_by(manifest),
        protected=_protected(snapshot, found, manifest, action.object),
    )


def _comes_back(action: BaseAction, snapshot: Snapshot, found: Manifest | None) -> bool:
    """A pod that its controller makes anew is in nobody's Git."""
    return isinstance(action, DeletePod) and found is not None and snapshot.controller_of(found) is not None


def _standing(snapshot: Snapshot, owner: ObjectRef, manifest: Manifest | None) -> _Workload:
    serving = sum(_serves(snapshot, p) for p in snapshot.pods_of(owner)) if owner.kind != "Node" else 0
    if manifest is None:
        return _Workload(0, 0)
    if manifest["kind"] == "DaemonSet":
        return _Workload(number(manifest, "status.desiredNumberScheduled"), serving)
    return _Workload(number(manifest, "spec.replicas", 1) if manifest["kind"] in SCALED else 0, serving)


def _serves(snapshot: Snapshot, pod: Manifest) -> bool:
    return is_ready(pod) and not lost_node(snapshot, text(pod, "spec.nodeName"))


def _disrupted(snapshot: Snapshot, action: BaseAction, owner: Manifest | None, state: _Workload) -> int:
    """Serving pods that may be away at the same time while the action takes effect."""
    if isinstance(action, DeletePod):
        pod = snapshot.find(action.object)
        if pod is None or action.object in state.deleted or not _serves(snapshot, pod):
            return 0
        state.deleted.add(action.object)
        return 1
    after = replicas_of(action)
    removed = max(0, state.serving - after) if after is not None else 0
    if action.disrupts and owner is not None and owner["kind"] in ROLLING and _replaces_pods(action):
        spare = _at_once(owner, state.wanted) - max(0, state.wanted - state.serving)
        removed = max(removed, min(state.serving, spare))
    return removed


def _replaces_pods(action: BaseAction) -> bool:
    """A patch replaces pods only when it touches the pod template."""
    if not isinstance(action, Patch):
        return True
    if isinstance(action.body, list):
        paths = [str(o.get("path", "")) for o in action.body]
        return any(p in ("", "/spec") or p.startswith("/spec/template") for p in paths)
    return dig(action.body, "spec.template") is not None


def _at_once(owner: Manifest, wanted: int) -> int:
    """How many pods the workload's own strategy takes away at a time.

    >>> _at_once({"kind": "Deployment", "spec": {"strategy": {"type": "Recreate"}}}, 3)
    3
    """
    strategy = "spec.strategy" if owner["kind"] == "Deployment" else "spec.updateStrategy"
    kind = text(owner, f"{strategy}.type")
    if kind in ("Recreate", "OnDelete") or owner["kind"] in ("ReplicaSet", "ReplicationController"):
        return wanted if kind == "Recreate" else 0
    away = dig(owner, f"{strategy}.rollingUpdate.maxUnavailable")
    if owner["kind"] == "Deployment":
        surge = dig(owner, f"{strategy}.rollingUpdate.maxSurge", SHARE)
        # when both come to nothing the deployment's controller takes one away
        return _count(SHARE if away is None else away, wanted) or int(_count(surge, wanted, up=True) == 0)
    return _count(away, wanted, up=True) or 1


def _count(value: object, of: int, up: bool = False) -> int:
    """An IntOrString of pods; of a Deployment maxUnavailable is rounded down, everything else up.

    >>> _count("25%", 7), _count("25%", 7, up=True), _count(2, 7), _count("odd", 7)
    (1, 2, 2, 0)
    """
    if isinstance(value, int):
        return value
    share = value[:-1] if isinstance(value, str) and value.endswith("%") else ""
    if not share.isdigit():
        return 0
    return math.ceil(of * int(share) / 100) if up else math.floor(of * int(share) / 100)


def _share(missing: int, wanted: int) -> float:
    return round(min(1.0, max(0, missing) / wanted), 3) if wanted else 0.0


def _allowed(snapshot: Snapshot, action: BaseAction, owner: ObjectRef, found: Manifest | None) -> int | None:
    """What the tightest budget over the pod (or the workload's pods) still allows; None without one.

    A pod on a lost node needs no budget: it serves nobody, and no server would let it go otherwise.
    """
    pods = [found] if isinstance(action, DeletePod) and found else []
    if any(lost_node(snapshot, text(p, "spec.nodeName")) for p in pods):
        return None
    over = pods or ([] if owner.kind == "Node" else snapshot.pods_of(owner))
    budgets = [
        number(b, "status.disruptionsAllowed")
        for b in snapshot.all("PodDisruptionBudget", owner.namespace)
        if any(selects(dig(b, "spec.selector"), labels(p)) for p in over)
    ]
    return min(budgets, default=None)


def _nodes(snapshot: Snapshot, action: BaseAction, closed: set[str]) -> float:
    """The share of nodes that would take no pods once this one (and those before it in the plan) is closed."""
    nodes = snapshot.all("Node")
    if not nodes or not (isinstance(action, Cordon) or _closes(action)):
        return 0.0
    closed.add(action.object.name)
    away = {
        n["metadata"]["name"]
        for n in nodes
        if not is_true(n, "Ready") or dig(n, "spec.unschedulable") is True
    }
    return round(len(away | closed) / len(nodes), 3)


def _closes(action: BaseAction) -> bool:
    """Whether a patch takes a node out of service, as a cordon does."""
    if not isinstance(action, Patch) or action.object.kind != "Node":
        return False
    if isinstance(action.body, list):
        set_ = [str(o.get("path", "")) for o in action.body if o.get("op") != "remove" and o.get("value")]
        return any(p in ("", "/spec") or p.startswith(_CLOSING) for p in set_)
    return bool(dig(action.body, "spec.unschedulable") or dig(action.body, "spec.taints"))


def _protected(snapshot: Snapshot, found: Manifest | None, owner: Manifest | None, ref: ObjectRef) -> str:
    """An object, its owner or its namespace may ask to be left alone: `suture.dev/protected: "true"`, or why."""
    space = snapshot.get("Namespace", "", ref.namespace) if ref.namespace else None
    for manifest in (found, owner, space):
        said = annotation_of(manifest, PROTECTED) or labels(manifest).get(PROTECTED, "")
        if manifest is not None and said and said.lower() != "false":
            where = f"{manifest['kind']} {manifest['metadata']['name']}"
            return f"{where} is marked {PROTECTED}" + ("" if said.lower() == "true" else f": {said}")
    return ""
