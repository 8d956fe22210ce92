"""From a suspect to the plan that puts back exactly what is suspected, with checks of the exact state.

The most ordinary action wins: going back to an earlier revision where that is the whole difference, setting replicas,
uncordoning; else a JSON patch that tests first what it replaces. Labels and annotations go by merge patch, for others
write beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from suture.diagnosis.case import expect_of
from suture.diagnosis.changes.delta import MISSING, Delta, Item, json_patch, reverted
from suture.diagnosis.changes.effects import follow_up
from suture.diagnosis.changes.suspects import Suspect
from suture.diagnosis.fields import desired
from suture.diagnosis.health import RULED
from suture.diagnosis.pods import is_live, revision_hash
from suture.diagnosis.selectors import selects
from suture.diagnosis.stuck import stuck_pods
from suture.diagnosis.workload import ROLLING, essence, pod_template, revisions
from suture.domain.action import (
    Action,
    DeletePod,
    Expect,
    Patch,
    RecreateObject,
    RemoveCreated,
    Scale,
    Uncordon,
    UndoRollout,
)
from suture.domain.plan import Check, Exists, FieldEquals, Gone, Plan, WorkloadHealthy
from suture.domain.snapshot import Manifest, Snapshot, dig, ref_of
from suture.domain.target import ObjectRef

MOST_ACTIONS, MOST_CHECKS = 32, 64
MOST_REPLICAS = 10_000
STATEFUL = ("PersistentVolumeClaim", "PersistentVolume", "StatefulSet", "Namespace", "Node")


def plan_for(
    snapshot: Snapshot, target: ObjectRef, found: Sequence[Suspect], troubled: Iterable[ObjectRef] = ()
) -> Plan | None:
    """One plan that reverts all these suspects; None when one of them cannot be reverted."""
    actions: list[Action] = []
    checks: list[Check] = []
    for suspect in found:
        mine = list(actions_for(snapshot, suspect))
        if not mine:
            return None
        actions += [a for n, a in enumerate(mine) if a not in actions and a not in mine[:n]]
        checks += checks_for(snapshot, suspect)
    checks += [WorkloadHealthy(object=r) for r in _to_be_well(target, found, troubled)]
    kept = list({c.model_dump_json(): c for c in checks}.values())
    if len(actions) > MOST_ACTIONS or len(kept) > MOST_CHECKS:
        return None
    return Plan(actions=actions, checks=kept)


def actions_for(snapshot: Snapshot, suspect: Suspect) -> Iterator[Action]:
    """The actions that revert one suspect; none when that cannot be done safely."""
    live, d = snapshot.find(suspect.ref), suspect.deviation
    if d is None:
        if suspect.created is not None and suspect.revision:
            yield RemoveCreated(
                object=suspect.ref, expect=expect_of(suspect.created), revision=suspect.revision
            )
    elif d.deleted:
        if suspect.ref.kind not in STATEFUL:
            yield RecreateObject(object=suspect.ref, revision=d.good.id)
            yield from follow_up(snapshot, suspect.ref, d.first.at)
    elif live is not None and d.good.content and d.now.content:
        yield from _field_actions(snapshot, suspect, live, d.good.content, d.now.content)
        if suspect.ref.kind in ("ConfigMap", "Secret"):
            yield from follow_up(snapshot, suspect.ref, d.first.at)


def _field_actions(
    snapshot: Snapshot, suspect: Suspect, live: Manifest, good: Manifest, now: Manifest
) -> Iterator[Action]:
    ref, expect = suspect.ref, expect_of(live)
    undo = list(suspect.undo)
    replicas = next((c for c in undo if c.path == ("spec", "replicas")), None)
    if replicas and ref.kind in ("Deployment", "StatefulSet"):
        wanted = replicas.before if isinstance(replicas.before, int) else 1
        yield Scale(object=ref, expect=expect if len(undo) == 1 else type(expect)(uid=expect.uid),
                    replicas=min(max(wanted, 0), MOST_REPLICAS))  # fmt: skip
        undo.remove(replicas)
    if ref.kind == "Node" and any(
        c.path == ("spec", "unschedulable") for c in undo
    ):  # only ever cordoned: see direction
        yield Uncordon(object=ref, expect=expect)
        undo = [c for c in undo if c.path != ("spec", "unschedulable")]
        expect = type(expect)(uid=expect.uid)
    number = _revision(snapshot, ref, undo, good)
    later = type(expect)(uid=expect.uid) if replicas else expect
    if number is not None:
        yield from past_repulsion(snapshot, ref, UndoRollout(object=ref, expect=later, to_revision=number))
        undo = []
    yield from _patches(ref, later, undo, good, now, suspect)
    if any(c.path[:2] == ("spec", "template") for c in suspect.undo):
        yield from stuck_pods(snapshot, ref, number)


def _revision(snapshot: Snapshot, ref: ObjectRef, undo: Sequence[Delta], good: Manifest) -> int | None:
    """The earlier revision whose pod template is the good one, when only the template is to be reverted."""
    if not undo or ref.kind not in ROLLING or any(c.path[:2] != ("spec", "template") for c in undo):
        return None
    wanted = essence(pod_template(good))
    known = revisions(snapshot, ref)
    return next(
        (r.number for r in known if r.number and not r.current and essence(r.template) == wanted), None
    )


def _patches(
    ref: ObjectRef, expect: Any, undo: Sequence[Delta], good: Manifest, now: Manifest, suspect: Suspect
) -> Iterator[Action]:
    meta = [c for c in undo if c.path[0] == "metadata"]
    rest = [c for c in undo if c.path[0] != "metadata"]
    note = f"put back {', '.join(c.dotted.removeprefix('spec.') for c in undo)} of {ref}"[:256]
    if rest:
        body = json_patch(now, reverted(now, good, rest))
        yield Patch(object=ref, expect=expect, patch_type="json", body=body, note=note)
    if meta:
        merge: dict[str, Any] = {}
        for c in meta:
            _merge(merge, c)
        alone = expect if not rest else type(expect)(uid=expect.uid)
        yield Patch(object=ref, expect=alone, patch_type="merge", body=merge, note=note)


def _merge(into: dict[str, Any], change: Delta) -> None:
    """Labels and annotations as a merge patch; a whole map that came or went is told key by key."""
    holder = into
    for step in change.path[:-1]:
        holder = holder.setdefault(str(step), {})
    before, after = change.before, change.after
    if isinstance(before, dict) or isinstance(after, dict):
        old, new = (v if isinstance(v, dict) else {} for v in (before, after))
        holder[str(change.path[-1])] = {k: old.get(k) for k in {**old, **new}}
    else:
        holder[str(change.path[-1])] = None if before is MISSING else before


def past_repulsion(snapshot: Snapshot, ref: ObjectRef, undo: Action) -> list[Action]:
    """An undo with what it needs when running pods of the bad template repel the good ones.

    A rollout waits for the good pods before it removes those, and a deleted one may be replaced before a good one is placed.
    So a Deployment goes through zero, which ends its bad replica set; of a StatefulSet the bad pods are deleted.
    """
    pods = list(repelling_pods(snapshot, ref))
    manifest = snapshot.find(ref)
    if not pods or manifest is None:
        return [undo]
    if ref.kind != "Deployment":
        return [undo, *pods]
    same = Expect(uid=undo.expect.uid)
    return [
        Scale(object=ref, expect=undo.expect, replicas=0),
        undo.model_copy(update={"expect": same}),
        Scale(object=ref, expect=same, replicas=min(desired(manifest), MOST_REPLICAS)),
    ]


def repelling_pods(snapshot: Snapshot, ref: ObjectRef) -> Iterator[Action]:
    """Delete the bound pods of the current revision whose required anti-affinity matches the workload's own pods."""
    current = next((r for r in revisions(snapshot, ref) if r.current), None)
    labels = dig(current.template, "metadata.labels") if current else None
    rules = (
        dig(current.template, "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution")
        if current
        else None
    )
    if not current or not any(selects(dig(r, "labelSelector"), labels or {}) for r in rules or ()):
        return
    for pod in sorted(snapshot.pods_of(ref), key=lambda p: str(p["metadata"]["name"])):
        if is_live(pod) and revision_hash(pod) == current.hash and dig(pod, "spec.nodeName"):
            yield DeletePod(object=ref_of(pod), expect=expect_of(pod))


def checks_for(snapshot: Snapshot, suspect: Suspect) -> list[Check]:
    """What must be true of the object itself afterwards."""
    d = suspect.deviation
    if d is None:
        return [Gone(object=suspect.ref)]
    if d.deleted:
        return [Exists(object=suspect.ref)]
    if not d.good.content or not d.now.content:
        return []
    wanted = reverted(d.now.content, d.good.content, suspect.undo)
    paths = {_readable(c.path) for c in suspect.undo}
    return [FieldEquals(object=suspect.ref, path=p, value=_value(wanted, p)) for p in sorted(paths) if p]


def _readable(path: Sequence[Any]) -> str:
    """The path as a check reads it: up to the first step whose name holds a dot, or that is an item without a name."""
    parts: list[str] = []
    for step in path:
        if "." in str(step) or (isinstance(step, Item) and step.key != "name"):
            break
        parts.append(str(step))
    return "" if parts in ([], ["metadata"]) else ".".join(parts)


def _value(wanted: Manifest, path: str) -> Any:
    found = dig(wanted, path)
    return found


def _to_be_well(
    target: ObjectRef, found: Sequence[Suspect], troubled: Iterable[ObjectRef]
) -> Iterator[ObjectRef]:
    """The target, who else is troubled, and every reverted workload; jobs show it at their next run only."""
    others = (s.ref for s in found if s.ref.kind != "Node")
    for ref in dict.fromkeys([target, *sorted(troubled, key=str), *others]):
        if ref.kind in RULED and ref.kind not in ("Job", "CronJob"):
            yield ref
