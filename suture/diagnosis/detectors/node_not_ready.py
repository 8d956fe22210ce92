"""Pods held by a lost node: nobody can confirm that they stopped, so their controllers wait for ever.

Deleting such a pod by force is safe only when its machine really is gone: the node silent and tainted as unreachable, its
lease stale. A pod that was not told to stop yet is only told so, and a StatefulSet's is left to the control plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from suture.diagnosis.case import Case, expect_of
from suture.diagnosis.fields import condition, items, seconds_between, text, when
from suture.diagnosis.owners import climb
from suture.diagnosis.pods import is_deleting, is_finished
from suture.domain.action import Action, DeletePod
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.plan import Check, Plan, WorkloadHealthy
from suture.domain.snapshot import Manifest, ref_of

ORIGIN = "detector:node_not_ready"
REPLACEABLE = (
    "ReplicaSet",
    "StatefulSet",
    "ReplicationController",
    "Job",
)  # a DaemonSet's pod belongs to its node
STUCK, LEAVING, SILENT_LONG, STILL_ANSWERS = 0.65, 0.45, 0.15, -0.25
SILENCE = 60.0
LEASE_STALE = 40.0  # the control plane's own measure
UNHELPED = 0.4
MOST_PODS = 20


def hypotheses(case: Case) -> Iterator[Hypothesis]:
    about = case.of(FailureType.NODE_NOT_READY)
    if not about:
        return
    if case.target.kind == "Node":
        yield _of_node(case, about)
        return
    pods = [p for s in about if (p := case.snapshot.find(s.object)) and _replaceable(case, p)]
    stuck = [
        p for p in pods if is_deleting(p)
    ]  # their time to stop is over: then those of the others is, too
    stuck = [p for p in _held(case, pods) if is_deleting(p)] if stuck else []
    pods = pods if not stuck else [*pods, *(p for p in stuck if p not in pods)]
    nodes = sorted({text(p, "spec.nodeName") for p in pods} - {""})
    cause = f"its pods are held by lost nodes: {', '.join(nodes)}" if nodes else "its pods are on lost nodes"
    if not pods:
        why = [about[0].message, "none of the pods would be replaced elsewhere"]
        yield case.hypothesis(ORIGIN, FailureType.NODE_NOT_READY, cause, UNHELPED, why)
        return
    bonus, why = _silence(case, nodes)
    dead = all(is_dead(case, n) for n in nodes)
    actions = _delete(stuck) if stuck and dead else [] if stuck else _tell_to_stop(case, pods) if dead else []
    if not actions:
        why.append(
            "it is not sure that nothing runs there any more: only the control plane or a person may decide"
        )
        yield case.hypothesis(ORIGIN, FailureType.NODE_NOT_READY, cause, UNHELPED, [about[0].message, *why])
        return
    plan = Plan(actions=actions, checks=[WorkloadHealthy(object=case.target)])
    told = (
        f"{len(stuck)} pods were told to stop and cannot confirm it"
        if stuck
        else "the pods are not replaced yet"
    )
    confidence = (STUCK if stuck else LEAVING) + bonus
    yield case.hypothesis(
        ORIGIN, FailureType.NODE_NOT_READY, cause, confidence, [about[0].message, told, *why], plan
    )


def _held(case: Case, pods: Sequence[Manifest]) -> list[Manifest]:
    """All pods of the target on dead nodes: their time to stop does not matter, nobody is there to stop them."""
    mine = [
        p
        for p in case.snapshot.pods_of(case.target)
        if (name := text(p, "spec.nodeName"))
        and not is_finished(p)
        and is_dead(case, name)
        and _replaceable(case, p)
    ]
    return mine or list(pods)


def _replaceable(case: Case, pod: Manifest) -> bool:
    controller = case.snapshot.controller_of(pod)
    return controller is not None and controller.kind in REPLACEABLE


def _delete(pods: Sequence[Manifest]) -> list[Action]:
    ordered = sorted(pods, key=lambda p: text(p, "metadata.name"))[:MOST_PODS]
    return [DeletePod(object=ref_of(p), expect=expect_of(p), grace_seconds=0) for p in ordered]


def _tell_to_stop(case: Case, pods: Sequence[Manifest]) -> list[Action]:
    """Their controller replaces them as soon as they are being deleted; the pods of a StatefulSet keep their names."""
    movable = [p for p in pods if (c := case.snapshot.controller_of(p)) and c.kind != "StatefulSet"]
    ordered = sorted(movable, key=lambda p: text(p, "metadata.name"))[:MOST_PODS]
    return [DeletePod(object=ref_of(p), expect=expect_of(p)) for p in ordered]


def is_dead(case: Case, name: str) -> bool:
    """Whether nothing runs on this node any more: gone, or silent, tainted as unreachable and with a stale lease."""
    node = case.snapshot.get("Node", "", name)
    if node is None:
        return bool(case.snapshot.all("Node"))
    tainted = any(t.get("key") == "node.kubernetes.io/unreachable" for t in items(node, "spec.taints"))
    lease = case.snapshot.get("Lease", "kube-node-lease", name)
    renewed = when(lease, "spec.renewTime") if lease else None
    fresh = renewed is not None and (case.now - renewed).total_seconds() < LEASE_STALE
    return condition(node, "Ready").get("status") == "Unknown" and tainted and not fresh


def _silence(case: Case, nodes: Sequence[str]) -> tuple[float, list[str]]:
    """How sure it is that nothing runs on these nodes any more."""
    bonus, why = SILENT_LONG, []
    for name in nodes:
        node = case.snapshot.get("Node", "", name)
        ready = condition(node, "Ready")
        silent = seconds_between(when(ready, "lastTransitionTime"), case.now)
        if node is None:
            why.append(f"node {name} is gone")
        elif ready.get("status") != "Unknown":
            why.append(f"the kubelet of node {name} still answers: {text(ready, 'message')}")
            bonus = min(bonus, STILL_ANSWERS)
        else:
            why.append(f"node {name} has been silent for {silent or 0:.0f} s")
            bonus = min(bonus, SILENT_LONG if silent and silent >= SILENCE else 0.0)
    return bonus, why


def _of_node(case: Case, about: Sequence[Symptom]) -> Hypothesis:
    cause = f"{case.target} is lost ({about[0].reason})"
    stuck = [
        p
        for p in case.snapshot.all("Pod")
        if text(p, "spec.nodeName") == case.target.name
        and is_deleting(p)
        and _replaceable(case, p)
        and _is_over(case, p)
    ]
    actions = _delete(stuck) if is_dead(case, case.target.name) else []
    if not actions:
        return case.hypothesis(ORIGIN, FailureType.NODE_NOT_READY, cause, UNHELPED, [about[0].message])
    bonus, why = _silence(case, [case.target.name])
    checks: list[Check] = [
        WorkloadHealthy(object=o) for o in sorted({climb(case.snapshot, ref_of(p)) for p in stuck}, key=str)
    ]
    confidence = STUCK + bonus
    told = f"{len(stuck)} pods there were told to stop and cannot confirm it"
    return case.hypothesis(
        ORIGIN,
        FailureType.NODE_NOT_READY,
        cause,
        confidence,
        [about[0].message, told, *why],
        Plan(actions=actions, checks=checks),
    )


def _is_over(case: Case, pod: Manifest) -> bool:
    deadline = when(pod, "metadata.deletionTimestamp")
    return deadline is not None and deadline <= case.now
