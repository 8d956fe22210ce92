"""What is visibly wrong, as Kubernetes itself tells it; nothing here guesses at causes.

Left out because it is normal: pods being deleted, completed or evicted, pods of a revision that is being
replaced by one that does well, rollouts within their time, nodes that were drained. Whether a symptom has
lasted long enough to be acted upon is for `detect`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from suture.diagnosis.absence import missing_object, scaled_to_zero
from suture.diagnosis.fields import text
from suture.diagnosis.owners import climb
from suture.diagnosis.pods import revision_hash
from suture.diagnosis.readers import OWNER_READERS, POD_READERS
from suture.diagnosis.view import View
from suture.diagnosis.witness import witnessed
from suture.diagnosis.workload import WORKLOADS, revisions
from suture.domain.diagnosis import Symptom
from suture.domain.report import Report, ReportStatus
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

OWNERS = (*WORKLOADS, "Node")


def symptoms(
    snapshot: Snapshot, owner: ObjectRef, now: datetime, reports: Sequence[Report] = ()
) -> list[Symptom]:
    """Everything that is wrong with one top owner.

    The incident's `reports` tell what only a witness makes wrong: a workload that was scaled to zero.
    """
    manifest = snapshot.find(owner)
    suffering = _of_sufferers(snapshot, owner, now, reports)
    if manifest is None:
        return [*missing_object(snapshot, owner), *suffering]
    if text(manifest, "metadata.deletionTimestamp"):
        return suffering
    view = View(snapshot, owner, manifest, now)
    found = [*_of_pods(view), *(s for read in OWNER_READERS for s in read(view))]
    found += scaled_to_zero(snapshot, owner, manifest, reports, now)
    found += witnessed(snapshot, owner, manifest, reports, now)
    return sorted([*found, *suffering], key=lambda s: (s.failure_type, str(s.object), s.container))


def _of_sufferers(
    snapshot: Snapshot, cause: ObjectRef, now: datetime, reports: Sequence[Report]
) -> list[Symptom]:
    """What is wrong with those on whose behalf a report was passed on to the incident of their common cause."""
    found = [s for ref in sufferers(reports) if ref != cause for s in symptoms(snapshot, ref, now)]
    return list({(s.key, s.object): s for s in found}.values())


def sufferers(reports: Sequence[Report]) -> list[ObjectRef]:
    """Whom the reports of a common cause's incident are about, by their label `affected`."""
    said = {r.labels.get("affected", "") for r in reports if r.status is ReportStatus.FIRING}
    return [ObjectRef.parse(text) for text in sorted(said) if text.count("/") in (1, 2) and "//" not in text]


def troubles(snapshot: Snapshot, now: datetime) -> list[Symptom]:
    """Everything that is wrong in a snapshot, grouped by top owner."""
    owners = [ref for kind in OWNERS for m in snapshot.all(kind) if climb(snapshot, ref := ref_of(m)) == ref]
    return [s for owner in sorted(owners, key=str) for s in symptoms(snapshot, owner, now)]


def _of_pods(view: View) -> list[Symptom]:
    found = [(pod, s) for pod in view.pods for s in _of_pod(view, pod)]
    if view.owner.kind == "Deployment":
        new = next((r.hash for r in revisions(view.snapshot, view.owner) if r.current), "")
        on_new = any(revision_hash(p) == new for p in view.pods)
        if new and on_new and not any(revision_hash(pod) == new for pod, _ in found):
            return []  # what is wrong with the old pods is being replaced
    return [s for _, s in found]


def _of_pod(view: View, pod: Manifest) -> Iterator[Symptom]:
    for read in POD_READERS:
        found = list(read(view, pod))
        if found:
            yield from found
            return
