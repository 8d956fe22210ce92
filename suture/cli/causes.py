"""What `suture why` finds out: the object's surroundings, what is wrong there, what changed, and the likely causes.

One listing of the namespace serves everything, and the hypotheses come from the very stage that incidents use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from suture.cli import naming
from suture.cli.reading import NoHistory, Sources
from suture.diagnosis.detect import detect
from suture.diagnosis.graph import Edge, Graph, Reach, build
from suture.diagnosis.owners import climb
from suture.diagnosis.symptoms import OWNERS, symptoms
from suture.diagnosis.workload import differences, tell_changes
from suture.domain.diagnosis import Classification, Detection, Symptom
from suture.domain.redaction import HIDDEN
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef, Target
from suture.ports import Revision

if TYPE_CHECKING:
    from suture.memory.ledger import SqlLedger
    from suture.targets.kubernetes import KubernetesCluster

PATIENT: Final = timedelta(days=1)  # whoever asks has waited long enough: what may settle has had its time
REVISIONS: Final = 8  # of one object
MOST_OBJECTS: Final = 200  # whose history is asked for
_WITHOUT_HISTORY: Final = ("Pod", "ReplicaSet", "EndpointSlice", "ControllerRevision", "Event")


@dataclass(frozen=True)
class Changed:
    """One change from the ledger: which fields, by whom (the field manager) and when."""

    object: ObjectRef
    at: datetime
    by: str
    fields: str
    sentence: str
    distance: int


@dataclass(frozen=True)
class Answer:
    """Everything that is told; `trouble` holds symptoms by the object that shows them and by its owner."""

    ref: ObjectRef
    snapshot: Snapshot
    graph: Graph
    around: dict[ObjectRef, Reach]
    detection: Detection
    classification: Classification
    target: ObjectRef
    remembers: bool
    trouble: dict[ObjectRef, list[Symptom]] = field(default_factory=dict)
    changes: list[Changed] = field(default_factory=list)

    @property
    def broken(self) -> list[Edge]:
        """The dependencies within reach that lead nowhere or do not fit, nearest first."""
        edges = [e for ref in self.around for e in self.graph.touching(ref) if not e.ok]
        mine = [e for e in edges if e.source in self.around and e.target in self.around]
        return list(dict.fromkeys(mine))

    @property
    def affected(self) -> list[ObjectRef]:
        """Whom the object takes down, itself aside."""
        return [r for r in self.graph.dependents(self.ref) if r != self.ref]


async def ask(found: Sources, ref: ObjectRef, since: timedelta, depth: int) -> Answer:
    """Read once, then think. Raises Failure for an object that nobody knows."""
    now = datetime.now(UTC)
    snapshot = await found.cluster.snapshot(ref.namespace, fresh=True)
    graph = build(snapshot, ref.namespace or None)
    past = await found.ledger.history(ref, limit=1)
    if snapshot.find(ref) is None and not graph.touching(ref) and not past:
        raise naming.unknown(snapshot, ref)
    around = graph.around(ref, depth)
    target = climb(snapshot, ref)
    first_seen = now - PATIENT
    detection = detect(snapshot, _target(found.cluster, target), [], now, first_seen)
    classification, changes = await asyncio.gather(
        _classified(found, snapshot, target, first_seen), _changes(found.ledger, around, now - since)
    )
    trouble = _trouble(snapshot, [target, *around], now)
    return Answer(
        ref, snapshot, graph, around, detection, classification, target, found.remembers, trouble, changes
    )


def _target(cluster: KubernetesCluster, ref: ObjectRef) -> Target:
    return Target(cluster=cluster.name, namespace=ref.namespace, kind=ref.kind, name=ref.name)


async def _classified(
    found: Sources, snapshot: Snapshot, target: ObjectRef, first_seen: datetime
) -> Classification:
    """The stage `classify` itself, over the snapshot that was read already."""
    from activities.classify import Classify, ClassifyRequest

    stage = Classify(_once_read(found.cluster, snapshot), found.ledger)
    request = ClassifyRequest(target=_target(found.cluster, target), reports=[], first_seen=first_seen)
    return await stage.classify(request)


def _once_read(cluster: KubernetesCluster, snapshot: Snapshot) -> KubernetesCluster:
    from suture.targets.kubernetes import KubernetesCluster

    class Read(KubernetesCluster):
        """The cluster as it was a moment ago."""

        def __init__(self) -> None:
            vars(self).update(vars(cluster))

        async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
            return snapshot if namespace == self._of else await super().snapshot(namespace, fresh)

        _of = next((ns for ns in _namespaces(snapshot)), "")

    return Read()


def _namespaces(snapshot: Snapshot) -> Iterable[str]:
    return (m["metadata"]["namespace"] for m in snapshot if m["metadata"].get("namespace"))


def _trouble(
    snapshot: Snapshot, refs: Sequence[ObjectRef], now: datetime
) -> dict[ObjectRef, list[Symptom]]:
    found: dict[ObjectRef, list[Symptom]] = {}
    for ref in dict.fromkeys(refs):
        if ref.kind in OWNERS and climb(snapshot, ref) == ref and snapshot.find(ref) is not None:
            for symptom in symptoms(snapshot, ref, now):
                for place in {symptom.object, symptom.owner}:
                    found.setdefault(place, []).append(symptom)
    return found


async def _changes(
    ledger: SqlLedger | NoHistory, around: dict[ObjectRef, Reach], since: datetime
) -> list[Changed]:
    wanted = [ref for ref in around if ref.kind not in _WITHOUT_HISTORY][:MOST_OBJECTS]
    histories = await asyncio.gather(*(ledger.history(ref, limit=REVISIONS) for ref in wanted))
    found = [
        Changed(ref, r.at, r.manager, told, around[ref].sentence, around[ref].distance)
        for ref, history in zip(wanted, histories, strict=True)
        for r, told in changed_fields(history)
        if r.at >= since
    ]
    return sorted(found, key=lambda c: (-c.at.timestamp(), c.distance))


def changed_fields(history: Sequence[Revision]) -> list[tuple[Revision, str]]:
    """What each revision of an object changed, newest first; the oldest is only what the others are compared with,
    unless the object was made then.
    """
    told = []
    for newer, older in zip(history, [*history[1:], None], strict=True):
        if newer.content is None:
            told.append((newer, "deleted"))
        elif older is None:
            continue
        elif older.content is None or older.uid != newer.uid:
            told.append((newer, "created anew"))
        elif fields := differences(_shown(older.content), _shown(newer.content)):
            told.append((newer, tell_changes({k: _hidden(newer, v) for k, v in fields.items()})))
    return told


def _shown(content: Manifest) -> dict[str, Any]:
    return {k: v for k, v in content.items() if k not in ("apiVersion", "kind")}


def _hidden(revision: Revision, pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if revision.ref.kind != "Secret":
        return pair
    before, after = (None if v is None else HIDDEN for v in pair)
    return before, after
