"""What a detector gets and the few ways in which it may answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from suture.diagnosis.changes.history import Past
from suture.diagnosis.changes.scope import Scope, scope_of
from suture.diagnosis.fields import text
from suture.diagnosis.graph import Edge, Graph, build
from suture.diagnosis.references import Reference, missing
from suture.diagnosis.workload import pod_template
from suture.domain.action import Expect, digest
from suture.domain.diagnosis import FailureType, Hypothesis, Symptom
from suture.domain.plan import Plan
from suture.domain.snapshot import Manifest, Snapshot, dig
from suture.domain.target import ObjectRef

LEAST_CONFIDENCE = 0.05
MOST_CONFIDENCE = 0.97  # nothing that is seen from outside is certain


@dataclass(frozen=True)
class Case:
    """One target in trouble. `revisions` maps missing objects to the id of their last known revision in the
    ledger.
    """

    snapshot: Snapshot
    target: ObjectRef
    symptoms: Sequence[Symptom]
    revisions: Mapping[ObjectRef, str] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    reported_at: datetime | None = None  # when the oldest alert about it began
    now: datetime = field(kw_only=True)

    @cached_property
    def graph(self) -> Graph:
        """The dependencies as they are now."""
        return build(self.snapshot, self.target.namespace or None)

    @cached_property
    def scope(self) -> Scope:
        """What may influence the target, or might have before something changed."""
        return scope_of(self.snapshot, self.past, self.target, tuple(self.symptoms))

    @cached_property
    def defects(self) -> list[Edge]:
        """Dependencies around the target that lead nowhere or not where they should."""
        near = self.graph.around(self.target, 3)
        return [e for e in self.graph.edges if not e.ok and (e.source in near or e.target in near)]

    @cached_property
    def manifest(self) -> Manifest:
        """The target's manifest; empty when it is missing."""
        return self.snapshot.find(self.target) or {}

    def of(self, *kinds: FailureType) -> list[Symptom]:
        """The symptoms of these types."""
        return [s for s in self.symptoms if s.failure_type in kinds]

    def hypothesis(
        self,
        origin: str,
        failure_type: FailureType,
        cause: str,
        confidence: float,
        why: Sequence[str] = (),
        plan: Plan | None = None,
    ) -> Hypothesis:
        return Hypothesis(
            id=digest(origin, cause, plan.signature if plan else ""),
            failure_type=failure_type,
            origin=origin,
            cause=cause,
            confidence=round(min(max(confidence, LEAST_CONFIDENCE), MOST_CONFIDENCE), 3),
            why=list(why),
            plan=plan,
        )


def expect_of(manifest: Manifest | None) -> Expect:
    """The precondition that an object still is the one that was diagnosed, at the spec that was diagnosed."""
    uid = text(manifest, "metadata.uid") or None
    kind = text(manifest, "kind")
    if kind in ("ConfigMap", "Secret"):
        return Expect(uid=uid, resource_version=text(manifest, "metadata.resourceVersion") or None)
    generation = dig(manifest, "metadata.generation")
    countable = (
        isinstance(generation, int) and not isinstance(generation, bool) and kind not in ("Pod", "Node")
    )
    return Expect(uid=uid, generation=generation if countable else None)


def missing_references(snapshot: Snapshot, ref: ObjectRef, symptoms: Sequence[Symptom]) -> list[Reference]:
    """What the target's template and its troubled pods refer to in vain."""
    about = [s for s in symptoms if s.failure_type is FailureType.MISSING_REFERENCE]
    holders = [snapshot.find(ref), *(snapshot.find(s.object) for s in about)] if about else []
    said = [s.message for s in about]
    found = {
        r: None
        for holder in holders
        if holder is not None
        for r in missing(snapshot, pod_template(holder), ref.namespace, said)
    }
    return list(found)
