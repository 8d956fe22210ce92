"""From symptoms to ranked hypotheses: all detectors run, equal plans are merged, nothing is thrown away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from suture.diagnosis.case import MOST_CONFIDENCE, Case, missing_references
from suture.diagnosis.changes.hypotheses import TOGETHER_ORIGIN
from suture.diagnosis.detectors import DETECTORS, Detector
from suture.diagnosis.references import RESTORABLE
from suture.domain.action import Risk
from suture.domain.diagnosis import Classification, FailureType, Hypothesis, Symptom
from suture.domain.snapshot import Snapshot
from suture.domain.target import ObjectRef

UNEXPLAINED = 0.1


def classify(case: Case) -> Classification:
    """Run every detector and rank what they say, the most probable first."""
    found = merge([h for detect in DETECTORS for h in _asked(detect, case)] or _unexplained(case))
    ranked = wider_first(rank(found))
    kind = ranked[0].failure_type if ranked else FailureType.UNKNOWN
    return Classification(hypotheses=ranked, failure_type=kind)


def _asked(detector: Detector, case: Case) -> list[Hypothesis]:
    """What one detector says. An error in it must not silence the others, but a person hears of it."""
    try:
        return list(detector(case))
    except Exception as e:  # an object of an odd shape, at worst a bug: told, and the rest goes on
        cause = f"the detector {detector.__module__.rpartition('.')[2]} failed: {type(e).__name__}: {e}"[:300]
        kind = case.symptoms[0].failure_type if case.symptoms else FailureType.UNKNOWN
        return [case.hypothesis("detector:error", kind, cause, UNEXPLAINED)]


def rank(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """By confidence, then by the smaller blast radius: less risk, no disruption, fewer actions."""
    return sorted(hypotheses, key=lambda h: (-h.confidence, h.plan is None, *_radius(h), h.id))


def wider_first(ranked: list[Hypothesis]) -> list[Hypothesis]:
    """A plan that does what the best one does and also mends the other damage of the same moment comes before it."""
    together = next((h for h in ranked if h.origin == TOGETHER_ORIGIN), None)
    first = next((h for h in ranked if h.plan), None)
    if not together or not first or not together.plan or not first.plan or together is first:
        return ranked
    if not all(a in together.plan.actions for a in first.plan.actions):
        return ranked
    wider = together.model_copy(update={"confidence": max(first.confidence, together.confidence)})
    return [wider, *(h for h in ranked if h is not together)]


def _radius(hypothesis: Hypothesis) -> tuple[int, bool, int]:
    plan = hypothesis.plan
    if plan is None:
        return (0, False, 0)
    return (list(Risk).index(plan.risk), any(a.disrupts for a in plan.actions), len(plan.actions))


def merge(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses with the same plan become one: each is an independent reason for it (noisy-or of the
    confidences).
    """
    groups: dict[str, list[Hypothesis]] = {}
    for h in hypotheses:
        groups.setdefault(h.plan.signature if h.plan else f"no plan: {h.id}", []).append(h)
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[Hypothesis]) -> Hypothesis:
    best = max(group, key=lambda h: h.confidence)
    doubt = 1.0
    for h in group:
        doubt *= 1 - h.confidence
    return best.model_copy(
        update={
            "confidence": best.confidence if len(group) == 1 else round(min(1 - doubt, MOST_CONFIDENCE), 3),
            "why": list(dict.fromkeys(w for h in (best, *group) for w in h.why)),
            "origin": ", ".join(dict.fromkeys(h.origin for h in (best, *group))),
        }
    )


def _unexplained(case: Case) -> list[Hypothesis]:
    kinds = dict.fromkeys(s.failure_type for s in case.symptoms)
    return [
        case.hypothesis(
            "detector:none",
            kind,
            f"{case.target} is in trouble: {kind.replace('_', ' ')}",
            UNEXPLAINED,
            [s.message for s in case.of(kind)[:3] if s.message],
        )
        for kind in kinds
    ]


def wanted_revisions(snapshot: Snapshot, target: ObjectRef, symptoms: Sequence[Symptom]) -> list[ObjectRef]:
    """The missing objects whose last known good state would help: the caller asks the ledger for them."""
    lost = missing_references(snapshot, target, symptoms)
    found = [r.ref(target.namespace) for r in lost if r.kind in RESTORABLE]
    if any(s.failure_type is FailureType.MISSING_OBJECT for s in symptoms):
        found.append(target)
    return sorted({r for r in found if r is not None and snapshot.find(r) is None}, key=str)
