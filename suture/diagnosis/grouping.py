"""Which shared object is behind the trouble of several workloads, so that they become one incident.

Only what Kubernetes itself names, or what several troubled workloads have in common, counts: a dead node, a quota, a
webhook, a missing object, a ConfigMap or Secret that most of its users stumble over. The choice is deterministic: every
worker that looks at the same state names the same object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from suture.diagnosis.case import Case, missing_references
from suture.diagnosis.fields import items, text
from suture.diagnosis.grace import remaining
from suture.diagnosis.graph import Graph
from suture.diagnosis.readers.nodes import is_cordoned
from suture.diagnosis.scheduling import Obstacle, parse
from suture.diagnosis.symptoms import symptoms
from suture.diagnosis.view import lost_node
from suture.diagnosis.workload import WORKLOADS
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.snapshot import Snapshot, ref_of
from suture.domain.target import ObjectRef

SURE = 0.5
SHARED = ("ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim", "Role", "RoleBinding")
_QUOTA = re.compile(r"exceeded quota: ([a-z0-9.-]+)")
_WEBHOOK = re.compile(r"(?:failed calling|admission) webhook \"([^\"]+)\"")
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def cause_of(
    snapshot: Snapshot, graph: Graph, target: ObjectRef, now: datetime | None = None
) -> ObjectRef | None:
    """The shared object that causes the target's trouble; None when it is the target's own, or nothing is wrong."""
    found = symptoms(snapshot, target, now or snapshot.taken_at)
    for candidate in _named(snapshot, target, found):
        if candidate != target:
            return candidate
    return _in_common(snapshot, graph, target, found, now or snapshot.taken_at)


def shared_cause(case: Case, best: Hypothesis | None) -> ObjectRef | None:
    """The object that the best plan changes, when it is not the target's own and others suffer from it, too.

    Its own incident finds the same plan, as it looks at the same changes; so one repair heals them all.
    """
    if best is None or best.plan is None or best.confidence < SURE:
        return troubled_dependency(case)
    changed = sorted({a.object for a in best.plan.actions if a.object.kind != "Pod"}, key=str)
    if not changed or any(r == case.target or r.kind in WORKLOADS for r in changed):
        return None
    for ref in changed:
        near = case.graph.dependents(ref) or [
            s for s in case.graph.workloads if s.namespace == case.target.namespace
        ]
        kinds = {s.failure_type for s in case.symptoms}
        suffering = [
            w for w in near if {s.failure_type for s in symptoms(case.snapshot, w, case.now)} & kinds
        ]
        if len(suffering) > 1:
            return changed[0]
    return None


def troubled_dependency(case: Case) -> ObjectRef | None:
    """A workload that the target calls and that is in trouble itself: the target can only wait for it."""
    if not case.of(FailureType.NOT_READY, FailureType.CRASH_LOOP):
        return None
    for ref in sorted(_called(case.graph, case.target), key=str):
        mutual = case.target in _reachable(case.graph, ref)
        if not mutual and [s for s in symptoms(case.snapshot, ref, case.now) if remaining(s, case.now) <= 0]:
            return ref
    return None


def _called(graph: Graph, ref: ObjectRef) -> set[ObjectRef]:
    """The workloads behind what a workload calls."""
    direct = {e.target for e in graph.touching(ref) if e.source == ref and e.relation == "calls"}
    behind = {
        e.target
        for s in direct
        for e in graph.touching(s)
        if e.source == s and e.relation in ("selects", "should select")
    }
    return {r for r in direct | behind if r in graph.workloads and r != ref}


def _reachable(graph: Graph, ref: ObjectRef) -> set[ObjectRef]:
    """Everything that is called from here on."""
    seen: set[ObjectRef] = set()
    ahead = [ref]
    while ahead:
        new = _called(graph, ahead.pop()) - seen
        seen |= new
        ahead += new
    return seen


def affected(
    snapshot: Snapshot, graph: Graph, cause: ObjectRef, now: datetime | None = None
) -> list[ObjectRef]:
    """The workloads in trouble that depend on a cause, nearest first."""
    return [w for w in graph.dependents(cause) if symptoms(snapshot, w, now or snapshot.taken_at)]


def _named(snapshot: Snapshot, target: ObjectRef, found: Iterable[Symptom]) -> Iterator[ObjectRef]:
    """What the symptoms themselves name."""
    for s in found:
        match s.failure_type:
            case FailureType.NODE_NOT_READY:
                yield from _lost(snapshot, found)
            case FailureType.UNSCHEDULABLE:
                yield from _shut(snapshot, s)
            case FailureType.FAILED_CREATE:
                yield from _forbidding(snapshot, target, s)
            case FailureType.MISSING_REFERENCE:
                lost = [r.ref(target.namespace) for r in missing_references(snapshot, target, [s])]
                yield from sorted((r for r in lost if r and snapshot.find(r) is None), key=str)


def _lost(snapshot: Snapshot, found: Iterable[Symptom]) -> Iterator[ObjectRef]:
    pods = [snapshot.find(s.object) for s in found if s.object.kind == "Pod"]
    names = {text(p, "spec.nodeName") for p in pods} - {""}
    for name in sorted(n for n in names if lost_node(snapshot, n)):
        yield ObjectRef(kind="Node", name=name)


def _shut(snapshot: Snapshot, symptom: Symptom) -> Iterator[ObjectRef]:
    """Nodes that are cordoned or tainted against everybody: the first of them stands for all."""
    obstacles = parse(symptom.message).obstacles
    if not {Obstacle.CORDONED, Obstacle.TAINT} & set(obstacles):
        return
    shut = [n for n in snapshot.all("Node") if is_cordoned(n) or items(n, "spec.taints")]
    yield from sorted(map(ref_of, shut), key=str)[:1]


def _forbidding(snapshot: Snapshot, target: ObjectRef, symptom: Symptom) -> Iterator[ObjectRef]:
    if quota := _QUOTA.search(symptom.message):
        yield ObjectRef(kind="ResourceQuota", namespace=target.namespace, name=quota[1].strip("."))
    if hook := _WEBHOOK.search(symptom.message):
        for kind in _WEBHOOKS:
            for manifest in snapshot.all(kind):
                if any(text(w, "name") == hook[1] for w in items(manifest, "webhooks")):
                    yield ref_of(manifest)
    if symptom.reason == "PodSecurityViolation":
        yield ObjectRef(kind="Namespace", name=target.namespace)


def _in_common(
    snapshot: Snapshot, graph: Graph, target: ObjectRef, found: Iterable[Symptom], now: datetime
) -> ObjectRef | None:
    """The object that most troubled workloads share, if they are at least two and most of its users."""
    kinds = {s.failure_type for s in found}
    best: tuple[int, str] | None = None
    chosen = None
    for ref in sorted(graph.around(target, 2), key=str):
        if ref.kind not in SHARED or not kinds:
            continue
        users = graph.dependents(ref)
        troubled = [w for w in users if {s.failure_type for s in symptoms(snapshot, w, now)} & kinds]
        if len(troubled) < 2 or 2 * len(troubled) <= len(users):
            continue
        if best is None or len(troubled) > best[0]:
            best, chosen = (len(troubled), str(ref)), ref
    return chosen
