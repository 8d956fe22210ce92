"""Lost nodes, and what they hold: pods that nobody can stop, and pods that only cordoned nodes could take.

A node that was cordoned and emptied is being worked on; that it then goes away is no failure.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import condition, earliest, is_true, text, when
from suture.diagnosis.health import healthy
from suture.diagnosis.pods import is_deleting, is_live
from suture.diagnosis.scheduling import Obstacle, parse
from suture.diagnosis.view import View
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, Snapshot, dig


def is_cordoned(node: Manifest) -> bool:
    return dig(node, "spec.unschedulable") is True


def read_node(view: View) -> Iterator[Symptom]:
    """NodeReady False or Unknown."""
    if view.owner.kind != "Node":
        return
    ready = condition(view.manifest, "Ready")
    if not ready or ready.get("status") == "True" or _is_drained(view.snapshot, view.manifest):
        return
    reason = text(ready, "reason") or "NodeNotReady"
    yield view.symptom(
        FailureType.NODE_NOT_READY,
        view.manifest,
        reason,
        text(ready, "message"),
        when(ready, "lastTransitionTime"),
    )


def _is_drained(snapshot: Snapshot, node: Manifest) -> bool:
    name = text(node, "metadata.name")
    return is_cordoned(node) and not any(
        text(p, "spec.nodeName") == name and is_live(p) and _must_move(snapshot, p)
        for p in snapshot.all("Pod")
    )


def _must_move(snapshot: Snapshot, pod: Manifest) -> bool:
    controller = snapshot.controller_of(pod)
    return controller is None or controller.kind not in ("DaemonSet", "Node")


def read_cordoned(view: View) -> Iterator[Symptom]:
    """A cordoned node is in trouble only when all are cordoned and pods wait for one of them."""
    if view.owner.kind != "Node" or not is_cordoned(view.manifest) or not is_true(view.manifest, "Ready"):
        return
    if any(is_true(n, "Ready") and not is_cordoned(n) for n in view.snapshot.all("Node")):
        return
    waiting = [
        c
        for p in view.snapshot.all("Pod")
        if is_live(p) and (c := condition(p, "PodScheduled")).get("status") == "False"
    ]
    blocked = [c for c in waiting if Obstacle.CORDONED in parse(text(c, "message")).obstacles]
    if blocked:
        since = earliest(*(when(c, "lastTransitionTime") for c in blocked))
        message = f"every node is cordoned and {len(blocked)} pods wait for one"
        yield view.symptom(FailureType.UNSCHEDULABLE, view.manifest, "Cordoned", message, since)


def read_held(view: View) -> Iterator[Symptom]:
    """Pods that stopped long ago and are kept by a finalizer, as long as the owner misses them."""
    if view.owner.kind == "Node" or healthy(view.snapshot, view.owner).ok:
        return
    for pod in view.snapshot.pods_of(view.owner):
        deadline, held = when(pod, "metadata.deletionTimestamp"), dig(pod, "metadata.finalizers")
        if held and deadline is not None and deadline < view.now and not view.is_lost(pod):
            message = f"told to stop, but kept by {', '.join(map(str, held))}"
            yield view.symptom(FailureType.STUCK_DELETING, pod, "Finalizer", message, deadline)


def read_stranded(view: View) -> Iterator[Symptom]:
    """Pods on lost nodes, as long as the owner misses them."""
    if not view.stranded or healthy(view.snapshot, view.owner).ok:
        return
    for pod in view.stranded:
        name = text(pod, "spec.nodeName")
        ready = condition(view.snapshot.get("Node", "", name), "Ready")
        stuck = is_deleting(pod)
        yield view.symptom(
            FailureType.NODE_NOT_READY,
            pod,
            "StuckTerminating" if stuck else "NodeLost",
            f"on node {name}, which is {'not ready' if ready else 'gone'}"
            + (" and cannot confirm that it stopped" if stuck else ""),
            when(ready, "lastTransitionTime") or when(pod, "metadata.deletionTimestamp"),
        )
