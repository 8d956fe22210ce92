"""Did a change visibly damage its own object? Then it is mended even if nobody complained about that object yet."""

from __future__ import annotations

from datetime import datetime

from suture.diagnosis.changes.history import Past
from suture.diagnosis.changes.scope import earlier
from suture.diagnosis.changes.suspects import Suspect
from suture.diagnosis.fields import desired
from suture.diagnosis.graph import build
from suture.diagnosis.symptoms import symptoms
from suture.diagnosis.workload import SCALABLE, WORKLOADS
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef


def damaged(snapshot: Snapshot, past: Past, suspect: Suspect, now: datetime) -> bool:
    """A deleted object that others need, a workload in trouble or taken out of service, an edge that leads nowhere."""
    ref = suspect.ref
    if suspect.deleted:
        return is_missed(snapshot, past, ref)
    manifest = snapshot.find(ref)
    if manifest is None:
        return False
    if ref.kind in WORKLOADS and symptoms(snapshot, ref, now):
        return True
    if ref.kind in SCALABLE and _switched_off(snapshot, ref, manifest, suspect):
        return True
    return any(not e.ok for e in build(snapshot, ref.namespace or None).touching(ref))


def is_missed(snapshot: Snapshot, past: Past, ref: ObjectRef) -> bool:
    """Whether something still leads to the place where the object was, or depended on it before."""
    if build(snapshot, ref.namespace or None).touching(ref):
        return True
    return any(build(s, ref.namespace or None).dependents(ref) for s in earlier(snapshot, past))


def _switched_off(snapshot: Snapshot, ref: ObjectRef, manifest: Manifest, suspect: Suspect) -> bool:
    """At zero replicas although others call it."""
    if desired(manifest) != 0 or not any(c.path == ("spec", "replicas") for c in suspect.undo):
        return False
    callers = build(snapshot, ref.namespace or None).dependents(ref, calls=True)
    return any(c != ref for c in callers)
