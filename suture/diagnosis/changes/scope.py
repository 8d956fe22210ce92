"""What may have influenced the target: around it in the graph of now, and in the graph of before.

What was deleted has no edges any more, and a selector that was changed leads elsewhere; so the graph is built a second
time over the snapshot as it was, with every changed object in its last recorded earlier state.
"""

from __future__ import annotations

from collections.abc import Mapping

from suture.diagnosis.changes.history import Past
from suture.diagnosis.graph import Edge, Reach, build
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

Scope = Mapping[ObjectRef, Reach]
DEPTH = 4
_EVERYWHERE = {
    FailureType.UNSCHEDULABLE: ("Node",),
    FailureType.FAILED_CREATE: (
        "ResourceQuota", "LimitRange", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Namespace",
    ),
}  # fmt: skip


def scope_of(snapshot: Snapshot, past: Past, target: ObjectRef, about: tuple[Symptom, ...] = ()) -> Scope:
    """Reach by object, the nearest of now, of before, and of now with what is gone."""
    namespace = target.namespace or None
    found = dict(build(snapshot, namespace).around(target, DEPTH))
    for before in earlier(snapshot, past):
        for ref, reach in build(before, namespace).around(target, DEPTH).items():
            if ref not in found or reach.distance < found[ref].distance:
                found[ref] = reach
    for kind in {k for s in about for k in _EVERYWHERE.get(s.failure_type, ())}:
        for manifest in snapshot.all(kind):
            ref = ref_of(manifest)
            if ref.namespace in ("", target.namespace) and (
                kind != "Namespace" or ref.name == target.namespace
            ):
                edge = Edge(target, ref, "may be limited by")
                found.setdefault(ref, Reach(1, (edge,), str(edge)))
    return found


def earlier(snapshot: Snapshot, past: Past) -> list[Snapshot]:
    """The snapshot as it was; and, where that differs, as it is but with what was deleted: who leads to that today may
    not have done so in its own earlier state.
    """
    gone = {ref: states for ref, states in past.states.items() if states[-1].content is None}
    kept = Past(gone, past.health)
    return [
        as_it_was(snapshot, past),
        *([as_it_was(snapshot, kept)] if 0 < len(gone) < len(past.states) else []),
    ]


def as_it_was(snapshot: Snapshot, past: Past) -> Snapshot:
    """The snapshot with every changed object in the newest earlier state that differs, deleted ones brought back."""
    objects = {ref_of(o): o for o in snapshot}
    for ref, states in past.states.items():
        now = states[-1].content
        other = [s.content for s in states[:-1] if s.content is not None and s.content != now]
        if other:
            objects[ref] = _over(objects.get(ref), other[-1])
    return Snapshot(objects.values(), snapshot.taken_at, snapshot.cluster)


def _over(live: Manifest | None, content: Manifest) -> Manifest:
    """A recorded state with the identity of the object, as far as it still exists."""
    meta = {**((live or {}).get("metadata") or {}), **content["metadata"]}
    return {**content, "metadata": meta, **({"status": live["status"]} if live and "status" in live else {})}
