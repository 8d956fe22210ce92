"""What `suture why` finds out: the object's surroundings, what is wrong there, what changed, and the likely causes.

One listing of the namespace serves everything, and the hypotheses come from the very stage that incidents use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any, Final

from activities.classify import Classify, ClassifyRequest
from activities.past import past_of
from suture.cli import naming
from suture.cli.reading import Sources
from suture.diagnosis.detect import detect
from suture.diagnosis.graph import Edge, Graph, Reach, build
from suture.diagnosis.owners import climb
from suture.diagnosis.symptoms import OWNERS, symptoms
from suture.diagnosis.workload import differences, tell_changes
from suture.domain.diagnosis import Classification, Detection, Symptom
from suture.domain.redaction import HIDDEN
from suture.domain.report import Report
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef, Target
from suture.ports import Cluster, History, Ledger, Revision

PATIENT: Final = timedelta(days=1)  # whoever asks has waited long enough: what may settle has had its time
HEARD: Final = timedelta(minutes=1)  # ago: an alert that is asked about is not quite new


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


async def ask(found: Sources, ref: ObjectRef, since: timedelta, depth: int, alert: str = "") -> Answer:
    """Read once, then think, as if an `alert` of this name said that something is wrong with the object (without one
    only what is visible counts). Raises Failure for an object that nobody knows.
    """
    now = datetime.now(UTC)
    snapshot = await found.cluster.snapshot(ref.namespace)
    graph = build(snapshot, ref.namespace or None)
    last = await found.ledger.last(ref, existing=False)
    if snapshot.find(ref) is None and not graph.touching(ref) and last is None:
        raise naming.unknown(snapshot, ref)
    around = graph.around(ref, depth)
    target = climb(snapshot, ref)
    request = _request(found.cluster, target, alert, now)
    detection, classification, changes = await asyncio.gather(
        _detected(found, snapshot, request, now),
        Classify(found.cluster, found.ledger).classify(request),
        _changes(found.ledger, ref.namespace, around, now - since),
    )
    trouble = _trouble(snapshot, [target, *around], now)
    return Answer(
        ref, snapshot, graph, around, detection, classification, target, found.remembers, trouble, changes
    )


def _request(cluster: Cluster, ref: ObjectRef, alert: str, now: datetime) -> ClassifyRequest:
    target = Target(cluster=cluster.name, namespace=ref.namespace, kind=ref.kind, name=ref.name)
    heard = (
        Report(source="cli", target=target, reason=alert, starts_at=now, received_at=now - HEARD)
        if alert
        else None
    )
    return ClassifyRequest(target=target, reports=[heard] if heard else [], first_seen=now - PATIENT)


async def _detected(found: Sources, snapshot: Snapshot, request: ClassifyRequest, now: datetime) -> Detection:
    past = await past_of(found.ledger, request.target.namespace, now)
    return detect(snapshot, request.target, request.reports, now, request.first_seen, past)


def _trouble(snapshot: Snapshot, refs: Sequence[ObjectRef], now: datetime) -> dict[ObjectRef, list[Symptom]]:
    found: dict[ObjectRef, list[Symptom]] = {}
    for ref in dict.fromkeys(refs):
        if ref.kind in OWNERS and climb(snapshot, ref) == ref and snapshot.find(ref) is not None:
            for symptom in symptoms(snapshot, ref, now):
                for place in {symptom.object, symptom.owner}:
                    found.setdefault(place, []).append(symptom)
    return found


async def _changes(
    ledger: Ledger, namespace: str, around: dict[ObjectRef, Reach], since: datetime
) -> list[Changed]:
    """What the ledger has of these objects since then, the newest first."""
    if not isinstance(ledger, History):
        return []
    histories: dict[ObjectRef, list[Revision]] = {}
    for revision in await ledger.changed(namespace, since):
        if revision.ref in around:
            histories.setdefault(revision.ref, []).insert(0, revision)
    found = [
        Changed(ref, r.at, r.manager, told, around[ref].sentence, around[ref].distance)
        for ref, history in histories.items()
        for r, told in changed_fields(history)
        if r.at >= since
    ]
    return sorted(found, key=lambda c: (-c.at.timestamp(), c.distance))


def changed_fields(history: Sequence[Revision]) -> list[tuple[Revision, str]]:
    """What each revision of an object changed, newest first; the oldest is only what the others are compared with,
    unless the object was made then.
    """
    told = []
    for newer, older in zip_longest(history, history[1:]):
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
