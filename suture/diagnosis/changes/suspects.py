"""Every change around the target, weighed: is it the cause?

The prior is a product of four judgements: how well the field explains the failure, how close in time before the
trouble, how near in the dependency graph (as it is and as it was, so that what was deleted has its place), and who did
it. Each is told in words and numbers, so that a person can argue with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from suture.diagnosis.changes.aspects import Aspect, aspect, plausibility
from suture.diagnosis.changes.baseline import ENOUGH, Deviation, deviations, turned
from suture.diagnosis.changes.delta import MISSING, Delta
from suture.diagnosis.changes.direction import deletion_worsens, worsens
from suture.diagnosis.changes.effects import in_effect, users
from suture.diagnosis.changes.history import Past, Period, State
from suture.diagnosis.changes.noise import is_controller, is_own
from suture.diagnosis.changes.scope import Scope
from suture.diagnosis.fields import when
from suture.diagnosis.owners import climb
from suture.diagnosis.referrers import autoscaler_of
from suture.diagnosis.workload import ROLLING, tell_changes
from suture.domain.action import HARMLESS
from suture.domain.diagnosis import FailureType
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

MOST = 0.95
LEAST_PLAUSIBLE = 0.3
OLDER_BASELINE = 0.7
BY_CONTROLLER, BY_ITSELF = 0.2, 0.1
AFTERWARDS = 0.15  # a cause comes before its effect, unless the clocks or the beginning are told wrongly
CLOCK_SKEW = 5.0
_TIMES = ((300.0, 1.0), (1800.0, 0.93), (3600.0, 0.85), (6 * 3600.0, 0.7), (86400.0, 0.55))
LONG_AGO = 0.35
UNMET = 0.3
_WELL_WITH_IT = ((600.0, 0.4), (60.0, 0.5), (5.0, 0.7))
ONE_GO = 10.0  # seconds between two creations of one deployment of an application
INVISIBLE = frozenset((  # failures of which the health of pods tells nothing
    FailureType.TRAFFIC, FailureType.AUTOSCALER, FailureType.DISRUPTION_BUDGET, FailureType.QUOTA, FailureType.SUSPENDED,
))  # fmt: skip
_DISTANCES = (1.0, 0.97, 0.92, 0.82, 0.7)
FAR = 0.5
LEAST_BEFORE, SHARE_BEFORE = (
    1.0,
    0.3,
)  # seconds, and in proportion to the healthy time that followed a creation


@dataclass(frozen=True)
class Suspect:
    """A change that may be the cause. `undo` are the fields to revert; `good` the state before (None: it was created)."""

    ref: ObjectRef
    failure: FailureType
    aspects: tuple[Aspect, ...]
    confidence: float
    why: tuple[str, ...]
    at: datetime
    manager: str
    distance: int
    undo: tuple[Delta, ...] = ()
    deviation: Deviation | None = None
    created: Manifest | None = field(default=None, repr=False)
    revision: str = ""  # of the created object, to make it again

    @property
    def deleted(self) -> bool:
        return self.deviation is not None and self.deviation.deleted


@dataclass(frozen=True)
class Trouble:
    """What is to be explained: kinds of failure, when it began, what was said about it."""

    target: ObjectRef
    failures: tuple[FailureType, ...]
    began: datetime
    allowed: frozenset[Aspect] | None = None  # None: anything that the failures' kinds allow
    sufferers: tuple[ObjectRef, ...] = ()  # whose health tells, besides the target's own


def suspects(snapshot: Snapshot, past: Past, scope: Scope, trouble: Trouble) -> list[Suspect]:
    """The changes that may explain the trouble, the most suspicious first."""
    owner = climb(snapshot, trouble.target)  # a pod is younger than what its workload depends on
    witness = next((r for r in (trouble.target, owner, *trouble.sufferers) if past.health.get(r)), owner)
    healthy = healthy_times(past, scope, witness)
    born = when(snapshot.find(owner), "metadata.creationTimestamp")
    past = Past({r: _since(states, born) for r, states in past.states.items()}, past.health)
    found = [
        *_changed(snapshot, past, scope, trouble, healthy),
        *_created(snapshot, past, scope, trouble, healthy),
    ]
    return sorted(found, key=lambda s: (-s.confidence, s.distance, str(s.ref)))


def _since(states: Sequence[State], born: datetime | None) -> tuple[State, ...]:
    """What changed before the target existed cannot have broken it: such states count as one, the last of them."""
    if born is None:
        return tuple(states)
    later = [i for i, s in enumerate(states) if s.at > born]
    first = later[0] if later else len(states)
    return tuple(states[max(0, first - 1) :])


def healthy_times(past: Past, scope: Scope, target: ObjectRef) -> Sequence[Period]:
    """When the target was healthy; of one that has no health of its own, its nearest neighbour that has."""
    if target in past.health:
        return past.health[target]
    near = sorted((r for r in scope if r in past.health), key=lambda r: (scope[r].distance, str(r)))
    if near:
        return past.health[near[0]]
    neighbours = sorted((r for r in past.health if r.namespace == target.namespace), key=str)
    return next((past.health[r] for r in neighbours if past.health[r]), ())


def _changed(
    snapshot: Snapshot, past: Past, scope: Scope, trouble: Trouble, healthy: Sequence[Period]
) -> Iterator[Suspect]:
    for ref, states in past.states.items():
        if ref not in scope or (states[-1].content is None) != (snapshot.find(ref) is None):
            continue  # too far away, or the ledger is behind
        for rank, deviation in enumerate(deviations(states, healthy, trouble.began)):
            made = _weighed(snapshot, past, scope, trouble, ref, deviation, rank)
            if made is not None:
                yield made


def _weighed(
    snapshot: Snapshot, past: Past, scope: Scope, trouble: Trouble, ref: ObjectRef, d: Deviation, rank: int
) -> Suspect | None:
    if d.deleted:
        about: dict[Aspect, float] = {_kind_aspect(ref): _deletion(ref, trouble)}
        undo: tuple[Delta, ...] = ()
    else:
        known = [
            (c, aspect(ref.kind, c))
            for c in d.changes
            if not _scaled_by_machine(snapshot, ref, c) and worsens(ref.kind, c)
        ]
        weights = [(c, a, _fit(trouble, a)) for c, a in known]
        undo = tuple(c for c, _, w in weights if w >= LEAST_PLAUSIBLE)
        about = {a: w for _, a, w in weights if w >= LEAST_PLAUSIBLE}
    if not about or max(about.values()) < LEAST_PLAUSIBLE:
        return None
    best = max(about, key=lambda a: about[a])
    d = replace(d, first=turned(past.states[ref], d, undo))
    when_, told_when = _timing((trouble.began - d.first.at).total_seconds())
    near, told_near = _nearness(scope, ref)
    who, told_who = _author(d.now.manager if d.first.manager == "" else d.first.manager)
    proof, told_proof = _proof(snapshot, past, trouble, ref, d)
    older = OLDER_BASELINE if rank else 1.0
    confidence = MOST * about[best] * when_ * near * who * proof * older
    why = [
        _tell(ref, d, undo),
        f"{told_when} ({when_:.2f})",
        f"{told_near} ({near:.2f})",
        f"a change of the {best} explains {trouble.failures[0].replace('_', ' ')} ({about[best]:.2f})",
        *([f"{told_who} ({who:.2f})"] if who < 1 else []),
        *([f"{told_proof} ({proof:.2f})"] if proof < 1 else []),
        *(["that is a state before the last good one"] if rank else []),
    ]
    return Suspect(
        ref, _failure(trouble, best), tuple(about), confidence, tuple(why), d.first.at, d.first.manager,
        scope[ref].distance, undo, d,
    )  # fmt: skip


def _proof(
    snapshot: Snapshot, past: Past, trouble: Trouble, ref: ObjectRef, d: Deviation
) -> tuple[float, str]:
    """What speaks for the innocence of a change: nobody has met it yet, or its workload did well with it for a while."""
    visible = not set(trouble.failures) & INVISIBLE
    if ref.kind in ("ConfigMap", "Secret") and not in_effect(snapshot, ref, d.first.at):
        suffer = {trouble.target, *trouble.sufferers} & set(users(snapshot, ref))
        if not (visible and suffer):
            return UNMET, "no container that reads it has started since"
    if ref.kind in ROLLING and visible:
        well = sum(p.overlap(d.now.at, trouble.began) for p in past.health.get(ref, ()))
        weight = next((w for least, w in _WELL_WITH_IT if well >= least), 1.0)
        return weight, f"it was healthy with this change for {well:.0f} s"
    return 1.0, ""


def _fit(trouble: Trouble, about: Aspect) -> float:
    if trouble.allowed is not None and about not in trouble.allowed:
        return 0.0
    return max(plausibility(f, about) for f in trouble.failures)


def _failure(trouble: Trouble, about: Aspect) -> FailureType:
    return max(trouble.failures, key=lambda f: plausibility(f, about))


def _kind_aspect(ref: ObjectRef) -> Aspect:
    return aspect(ref.kind, Delta(("spec",), None, None))


def _deletion(ref: ObjectRef, trouble: Trouble) -> float:
    """That something the target needs is gone explains a lot; the target itself being gone explains everything."""
    if ref == trouble.target:
        return 1.0
    if not deletion_worsens(ref.kind):
        return 0.0
    return _fit(trouble, _kind_aspect(ref))


def _scaled_by_machine(snapshot: Snapshot, ref: ObjectRef, change: Delta) -> bool:
    """Replicas that an autoscaler looks after (to zero it never goes by itself)."""
    if change.path != ("spec", "replicas") or change.after == 0:
        return False
    return autoscaler_of(snapshot, ref) is not None


def _timing(before: float) -> tuple[float, str]:
    if before < -CLOCK_SKEW:
        return AFTERWARDS, f"{-before:.0f} s after the trouble began"
    told = (
        f"{max(before, 0):.0f} s before the trouble"
        if before < 5400
        else f"{before / 3600:.1f} h before the trouble"
    )
    return next((w for limit, w in _TIMES if before <= limit), LONG_AGO), told


def _nearness(scope: Scope, ref: ObjectRef) -> tuple[float, str]:
    reach = scope[ref]
    weight = _DISTANCES[reach.distance] if reach.distance < len(_DISTANCES) else FAR
    return weight, f"{reach.distance} steps away: {reach.sentence}" if reach.distance else "the target itself"


def _author(manager: str) -> tuple[float, str]:
    if is_own(manager):
        return BY_ITSELF, "it was the engine's own change"
    if is_controller(manager):
        return BY_CONTROLLER, f"{manager} is part of the cluster"
    return 1.0, ""


def _tell(ref: ObjectRef, d: Deviation, undo: Sequence[Delta]) -> str:
    by = f" by {d.first.manager}" if d.first.manager else ""
    at = f" at {d.first.at:%H:%M:%S}"
    if d.deleted:
        return f"{ref} was deleted{at}{by}"
    told = {c.dotted: (_known(c.before), _known(c.after)) for c in undo}
    return f"{ref} was changed{at}{by}: {tell_changes(told)}"


def _known(value: Any) -> Any:
    return None if value is MISSING else value


def _created(
    snapshot: Snapshot, past: Past, scope: Scope, trouble: Trouble, healthy: Sequence[Period]
) -> Iterator[Suspect]:
    """Objects that appeared after the target had been healthy, and that only limit others."""
    for manifest in snapshot:
        if manifest.get("kind") not in HARMLESS:
            continue
        ref, born = ref_of(manifest), when(manifest, "metadata.creationTimestamp")
        states = past.states.get(ref, ())
        if ref not in scope or born is None or not states or states[-1].content is None:
            continue
        if manifest["metadata"].get("ownerReferences") or not _was_well_before(healthy, born, trouble.began):
            continue
        if ref != trouble.target and _came_with(snapshot, climb(snapshot, trouble.target), born):
            continue
        if any(s.content is None for s in states):  # it came back: that is a change, not a creation
            continue
        changed = len(states) > 1  # then what was changed last is nearer, and the smaller step back
        yield from _weigh_created(
            scope, trouble, ref, manifest, born, states[-1].id, states[0].manager, changed
        )


def _was_well_before(healthy: Sequence[Period], born: datetime, began: datetime) -> bool:
    """Healthy for a while without it, also in comparison with the time with it: else it came with the target itself.

    Times of creation are whole seconds.
    """
    before = sum(p.overlap(None, born) for p in healthy)
    after = sum(p.overlap(born, began) for p in healthy)
    return before > LEAST_BEFORE and before >= min(ENOUGH, SHARE_BEFORE * after)


def _came_with(snapshot: Snapshot, target: ObjectRef, born: datetime) -> bool:
    """Made in one go with the target: a chain of creations in its namespace, each a few seconds after the one before."""
    end = when(snapshot.find(target), "metadata.creationTimestamp")
    if end is None or born < end:
        return False
    made = sorted(
        at
        for o in snapshot
        if o["metadata"].get("namespace") == target.namespace and not o["metadata"].get("ownerReferences")
        if (at := when(o, "metadata.creationTimestamp")) is not None and at >= end
    )
    for at in made:
        if (at - end).total_seconds() > ONE_GO:
            break
        end = at
    return born <= end


def _weigh_created(
    scope: Scope,
    trouble: Trouble,
    ref: ObjectRef,
    manifest: Manifest,
    born: datetime,
    revision: str,
    manager: str,
    changed: bool,
) -> Iterator[Suspect]:
    about = _kind_aspect(ref)
    fit = _fit(trouble, about)
    if fit < LEAST_PLAUSIBLE:
        return
    when_, told_when = _timing((trouble.began - born).total_seconds())
    near, told_near = _nearness(scope, ref)
    who, told_who = _author(manager)
    why = [
        f"{ref} was created at {born:%H:%M:%S}" + (f" by {manager}" if manager else ""),
        f"{told_when} ({when_:.2f})",
        f"{told_near} ({near:.2f})",
        f"a new {about} explains {trouble.failures[0].replace('_', ' ')} ({fit:.2f})",
        *([f"{told_who} ({who:.2f})"] if who < 1 else []),
        *([f"it was changed since ({OLDER_BASELINE:.2f})"] if changed else []),
    ]
    confidence = MOST * fit * when_ * near * who * (OLDER_BASELINE if changed else 1.0)
    yield Suspect(
        ref, _failure(trouble, about), (about,), confidence, tuple(why), born, manager,
        scope[ref].distance, created=manifest, revision=revision,
    )  # fmt: skip
