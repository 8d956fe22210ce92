"""Who is well at this moment: the raw material of "last known good"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from suture.diagnosis.health import healthy
from suture.diagnosis.owners import climb
from suture.diagnosis.workload import ROLLING
from suture.domain.snapshot import Snapshot, ref_of
from suture.domain.target import ObjectRef

KEPT = (*ROLLING, "CronJob", "Service", "Node")


def wellbeing(
    snapshot: Snapshot, namespace: str, troubled: Iterable[ObjectRef]
) -> Iterator[tuple[ObjectRef, bool]]:
    """Each workload, service (and, without a namespace, node) with whether it is healthy and shows no symptom."""
    bad = set(troubled)
    for kind in KEPT:
        for manifest in snapshot.all(kind, namespace):
            ref = ref_of(manifest)
            if kind == "Service" or climb(snapshot, ref) == ref:
                yield ref, ref not in bad and healthy(snapshot, ref).ok
