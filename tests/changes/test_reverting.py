"""Random single-field faults: what is suspected first is the fault, and its plan restores exactly what was there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from suture.diagnosis.changes.delta import MISSING, deltas, json_patch, reverted
from suture.diagnosis.changes.hypotheses import hypotheses
from suture.diagnosis.changes.noise import relevant
from suture.diagnosis.checks import evaluate
from suture.diagnosis.classify import rank
from suture.diagnosis.detect import detect
from suture.domain.action import RecreateObject
from suture.domain.diagnosis import FailureType, Health
from suture.domain.plan import WorkloadHealthy
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef, Target
from tests.changes.applying import carried_out
from tests.changes.applying import json_patch as apply_patch
from tests.changes.worlds import application, case, complaint, everything, past_of, target
from tests.diagnosis.builder import NOW, NS, at, report

VALUES = st.one_of(st.text("abz-", min_size=1, max_size=5), st.integers(1, 99), st.booleans(), st.just(None))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(VALUES, st.just([])),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["a", "b.c", "d/e", "name"]), inner, max_size=3),
        st.lists(inner, max_size=3),
        st.lists(
            st.builds(lambda n, v: {"name": n, "value": v}, st.sampled_from("xyz"), inner),
            max_size=3, unique_by=lambda item: item["name"],
        ),
    ),
    max_leaves=12,
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(["spec", "data", "rules"]), JSON, max_size=3)


def without_nothing(value: Any) -> Any:
    """Null, an empty list and a missing field are the same to the API."""
    if isinstance(value, dict):
        return {k: w for k, v in value.items() if (w := without_nothing(v)) is not None}
    if isinstance(value, list):
        return [without_nothing(v) for v in value] or None
    return value


@given(OBJECTS, OBJECTS)
@settings(max_examples=300, deadline=None)
def test_reverting_all_differences_gives_the_state_before(before: Any, after: Any) -> None:
    back = reverted(after, before, deltas(before, after))
    assert without_nothing(back) == without_nothing(before)
    patched = copy.deepcopy(after)
    apply_patch(patched, json_patch(after, back))
    assert patched == back


@given(OBJECTS, OBJECTS)
@settings(max_examples=100, deadline=None)
def test_the_patch_refuses_an_object_that_was_changed_again(before: Any, after: Any) -> None:
    back = reverted(after, before, deltas(before, after))
    operations = json_patch(after, back)
    tests = [o for o in operations if o["op"] == "test"]
    changed = [o for o in operations if o["op"] in ("replace", "remove")]
    assert {o["path"] for o in changed} <= {o["path"] for o in tests}


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to every field that a fault can change."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*at, i))
    else:
        yield at


IDENTITY = {
    "name",
    "apiGroup",
    "kind",
    "namespace",
    "pathType",
    "apiGroups",
    "roleRef",
    "type",
    "policyTypes",
}
PLACES: list[tuple[ObjectRef, tuple[Any, ...]]] = [
    (ref_of(o), path)
    for o in application().objects
    if o["kind"] in ("Deployment", "Service", "ConfigMap", "Ingress", "NetworkPolicy", "Role")
    for part in ("spec", "data", "rules")
    if part in o
    for path in leaves(o[part], (part,))
    if not IDENTITY & set(path) and path != ("spec", "replicas") and path[:2] != ("spec", "selector")
]


def broken(manifest: Manifest, path: tuple[Any, ...], remove: bool) -> None:
    holder: Any = manifest
    for step in path[:-1]:
        holder = holder[step]
    was = holder[path[-1]]
    if remove and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = was + 7 if isinstance(was, int) else f"{was}-broken"


@given(st.sampled_from(PLACES), st.booleans(), st.sampled_from([FailureType.TRAFFIC, FailureType.CRASH_LOOP]))
@settings(max_examples=120, deadline=None)
def test_the_first_plan_restores_the_baseline(
    place: tuple[ObjectRef, tuple[Any, ...]], remove: bool, kind: FailureType
) -> None:
    ref, path = place
    world = application()
    before = everything(world)
    broken(world.find(ref), path, remove)
    now = world.snapshot()
    past = past_of(before, now)
    found = rank(hypotheses(case(now, past, complaint(FailureType.ROLLOUT_FAILED), complaint(kind))))
    assume(found and found[0].plan)
    plan = found[0].plan
    assert plan is not None
    assert {a.object for a in plan.actions} == {ref}
    after = carried_out(now, plan.actions, {})
    assert without_nothing(relevant(after[ref])) == without_nothing(relevant(before[ref]))
    untouched = {r for r in after if r != ref}
    assert all(after[r] == now.find(r) for r in untouched)
    healed = Snapshot(after.values(), now.taken_at)
    assert all(evaluate(healed, c, NOW).ok for c in plan.checks if not isinstance(c, WorkloadHealthy))
    assert not all(evaluate(now, c, NOW).ok for c in plan.checks if not isinstance(c, WorkloadHealthy))


@pytest.mark.parametrize("kind", ["Service", "ConfigMap", "RoleBinding", "Ingress"])
def test_a_deleted_object_is_recreated(kind: str) -> None:
    world = application()
    before = everything(world)
    ref = next(r for r in before if r.kind == kind and "root" not in r.name)
    world.objects = [o for o in world.objects if ref_of(o) != ref]
    now = world.snapshot()
    symptom = complaint(FailureType.TRAFFIC if kind in ("Service", "Ingress") else FailureType.CRASH_LOOP)
    (first, *_) = rank(hypotheses(case(now, past_of(before, now), symptom)))
    assert first.plan is not None
    (action,) = first.plan.actions
    assert isinstance(action, RecreateObject) and action.object == ref
    assert first.confidence > 0.6


@given(st.sampled_from(PLACES), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_change_that_works_is_left_alone(place: tuple[ObjectRef, tuple[Any, ...]], remove: bool) -> None:
    """Healthy pods refute an alert about pods, whatever was changed before; and the watch's own look finds nothing."""
    ref, path = place
    world = application()
    before = everything(world)
    broken(world.find(ref), path, remove)
    now = world.snapshot()
    past = past_of(before, now)
    web = Target(cluster="default", namespace=NS, kind="Deployment", name="web")
    for said in ([], [report(target())]):
        assert detect(now, web, said, NOW, at(5), past).health is Health.HEALTHY


def test_missing_is_one_value() -> None:
    assert copy.deepcopy({"x": MISSING})["x"] is MISSING
