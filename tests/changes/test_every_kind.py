"""Random clusters, random single-field faults in every recorded kind: the revert restores exactly the baseline."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.diagnosis.changes.aspects import Aspect
from suture.diagnosis.changes.baseline import deviations
from suture.diagnosis.changes.direction import worsens
from suture.diagnosis.changes.history import Past, Period
from suture.diagnosis.changes.noise import relevant
from suture.diagnosis.changes.plans import STATEFUL, plan_for
from suture.diagnosis.changes.suspects import Suspect
from suture.diagnosis.checks import evaluate
from suture.diagnosis.detect import detect
from suture.domain.action import RecreateObject, RestartRollout
from suture.domain.diagnosis import FailureType, Health
from suture.domain.plan import WorkloadHealthy
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef, Target
from suture.memory.revisions import RECORDED
from tests.changes.applying import carried_out
from tests.changes.clusters import BODIES, clusters
from tests.changes.test_reverting import without_nothing
from tests.changes.worlds import application, state
from tests.diagnosis.builder import NOW, NS, at, report

MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
FIXED = {"name", "kind", "namespace", "apiGroups", "type"}  # what tells items apart, or can never be changed
NOBODY = ObjectRef(kind="Deployment", namespace=NS, name="nobody")


def test_every_recorded_kind_is_covered() -> None:
    assert set(BODIES) == set(RECORDED) - {"Job"}  # a job cannot be changed: it is recreated or left


def fields(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every single field of a wish: whatever can be changed, or be gone."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in FIXED:
                yield (*at, key)
                yield from fields(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from fields(inner, (*at, i))


def places(manifest: Manifest) -> list[tuple[Any, ...]]:
    body = {k: v for k, v in manifest.items() if k not in ("kind", "metadata")}
    labels = manifest["metadata"].get("labels")
    return [*fields(body), *fields({"labels": labels} if labels else {}, ("metadata",))]


def spoil(manifest: Manifest, path: tuple[Any, ...], how: str) -> None:
    holder: Any = manifest
    for step in path[:-1]:
        holder = holder[step]
    was = holder[path[-1]]
    if how == "gone" and isinstance(holder, dict):
        del holder[path[-1]]
    elif how == "more" and isinstance(was, dict):
        was["extra"] = "new"
    elif isinstance(was, bool):
        holder[path[-1]] = not was
    else:
        holder[path[-1]] = (
            was + 1 if isinstance(was, int) else "spoiled" if isinstance(was, str) else type(was)()
        )


def suspect(before: Manifest, now: Manifest | None, ref: ObjectRef) -> tuple[Suspect | None, Past]:
    """The change as the ledger tells it, whatever is thought of it."""
    states = [state(before, ref, 600, 1), state(now, ref, 20, 2)]
    past = Past.of(states, {ref: [Period(at(500), at(20))]})
    found = list(deviations(states, past.health[ref], at(10)))
    if not found:
        return None, past
    d = found[0]
    undo = tuple(c for c in d.changes if worsens(ref.kind, c))
    kind, about = FailureType.CRASH_LOOP, (Aspect.OTHER,)
    return Suspect(ref, kind, about, 0.9, ("changed",), d.first.at, "kubectl", 0, undo, d), past


@MANY
@given(clusters(), st.data())
def test_the_revert_of_any_field_of_any_kind_restores_exactly_the_baseline(
    objects: list[Manifest], data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(objects))
    path = data.draw(st.sampled_from(places(chosen)))
    before, ref = copy.deepcopy(chosen), ref_of(chosen)
    spoil(chosen, path, data.draw(st.sampled_from(["gone", "other", "more"])))
    now = Snapshot(objects, NOW)
    made, _ = suspect(before, chosen, ref)
    if (
        made is None
        or not made.undo
        or len(made.undo) < len(made.deviation.changes if made.deviation else ())
    ):
        return  # nothing that matters is different, or it can only have loosened something
    plan = plan_for(now, NOBODY, [made])
    assert plan is not None
    actions = [a for a in plan.actions if not isinstance(a, RestartRollout)]
    assert {a.object for a in actions} == {ref}
    after = carried_out(now, actions, {})
    assert without_nothing(relevant(after[ref])) == without_nothing(relevant(before))
    assert all(after[r] == now.find(r) for r in after if r != ref)
    healed = Snapshot(after.values(), NOW)
    own = [c for c in plan.checks if not isinstance(c, WorkloadHealthy)]
    assert all(evaluate(healed, c, NOW).ok for c in own)


@MANY
@given(clusters(), st.data())
def test_what_was_deleted_comes_back_as_it_was(objects: list[Manifest], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(objects))
    ref = ref_of(lost)
    now = Snapshot([o for o in objects if o is not lost], NOW)
    made, past = suspect(lost, None, ref)
    assert made is not None and made.deleted
    plan = plan_for(now, NOBODY, [made])
    if ref.kind in STATEFUL:  # its data would not come back with it
        assert plan is None
        return
    assert plan is not None
    first = plan.actions[0]
    assert isinstance(first, RecreateObject) and first.object == ref
    content = past.states[ref][0].content
    assert content is not None and first.revision == past.states[ref][0].id
    assert without_nothing(relevant(content)) == without_nothing(relevant(lost))


@pytest.mark.parametrize("kind", sorted(BODIES))
@given(data=st.data())
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_healthy_random_change_of_any_kind_is_left_alone(kind: str, data: st.DataObject) -> None:
    """Around a healthy workload anything may be changed: pods that are well refute an alert about pods."""
    world = application()
    added = data.draw(clusters(kind))
    chosen = data.draw(st.sampled_from([o for o in added if o["kind"] == kind]))
    before, ref = copy.deepcopy(chosen), ref_of(chosen)
    spoil(
        chosen,
        data.draw(st.sampled_from(places(chosen))),
        data.draw(st.sampled_from(["gone", "other", "more"])),
    )
    world.objects += [o for o in added if ref_of(o) not in {ref_of(x) for x in world.objects}]
    web = ObjectRef(kind="Deployment", namespace=NS, name="web")
    states = [state(before, ref, 600, 1), state(chosen, ref, 20, 2)]
    past = Past.of(states, {web: [Period(at(7000))]})
    target = Target(cluster="default", namespace=NS, kind="Deployment", name="web")
    for said in ([], [report(web, "KubePodCrashLooping")], [report(web, "KubeDeploymentReplicasMismatch")]):
        assert detect(world.snapshot(), target, said, NOW, at(5), past).health is Health.HEALTHY
