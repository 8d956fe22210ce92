"""Pods that keep a StatefulSet from taking a better template.

It replaces its pods one after the other and waits until each is ready, also for one that never will be: documented as
"forced rollback" (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback). So after an
undo the broken pods are deleted, and made anew from the good template.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.case import expect_of
from suture.diagnosis.pods import is_live, is_ready, revision_hash
from suture.diagnosis.workload import revisions
from suture.domain.action import DeletePod
from suture.domain.snapshot import Snapshot, ref_of
from suture.domain.target import ObjectRef

MOST_PODS = 20


def stuck_pods(snapshot: Snapshot, ref: ObjectRef, good_revision: int | None = None) -> Iterator[DeletePod]:
    """Delete the unready pods of a StatefulSet that are not of the revision to which it goes back."""
    if ref.kind != "StatefulSet":
        return
    good = next((r.hash for r in revisions(snapshot, ref) if r.number == good_revision), "")
    broken = [p for p in snapshot.pods_of(ref) if is_live(p) and not is_ready(p) and revision_hash(p) != good]
    for pod in sorted(broken, key=lambda p: str(p["metadata"]["name"]))[:MOST_PODS]:
        yield DeletePod(object=ref_of(pod), expect=expect_of(pod))
