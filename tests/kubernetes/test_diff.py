"""Differences told and taken back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.domain.snapshot import Manifest
from suture.targets.kubernetes.diff import changes, inverse, state, value_at
from tests.kubernetes.objects import template, workload


def patched(document: Any, operations: list[dict[str, Any]]) -> Any:
    """A JSON patch (test, add, replace, remove) carried out, as the server does it."""
    document = copy.deepcopy(document)
    for step in operations:
        *parents, last = [p.replace("~1", "/").replace("~0", "~") for p in step["path"].split("/")[1:]]
        holder = document
        for part in parents:
            holder = holder[int(part)] if isinstance(holder, list) else holder[part]
        key: Any = int(last) if isinstance(holder, list) else last
        match step["op"]:
            case "test":
                assert holder[key] == step["value"]
            case "remove":
                del holder[key]
            case _:
                holder[key] = step["value"]
    return document


NAMES = st.sampled_from(["web", "db", "a.b/c", "x~y"])
VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.dictionaries(NAMES, inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.lists(st.tuples(NAMES, inner).map(lambda t: {"name": t[0], "value": t[1]}), max_size=3)
    ),
    max_leaves=12,
)
SPECS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(SPECS, SPECS)
def test_inverse_takes_any_object_back(before: Manifest, after: Manifest) -> None:
    was: Manifest = {"metadata": {"name": "x"}, "spec": before}
    will: Manifest = {"metadata": {"name": "x"}, "spec": after}
    assert patched(will, inverse(was, will)) == was


@given(SPECS, SPECS)
def test_state_knows_both_sides(before: Manifest, after: Manifest) -> None:
    was: Manifest = {"metadata": {"name": "x"}, "spec": before}
    will: Manifest = {"metadata": {"name": "x"}, "spec": after}
    told = changes(was, will)
    assert state(was, told) == "before"
    assert not told or state(will, told) == "after"


def test_changes_go_by_name_and_leave_out_what_the_server_owns() -> None:
    was, will = workload("Deployment", "a"), workload("Deployment", "a", image="web:2")
    will["metadata"] |= {"generation": 2, "resourceVersion": "7"}
    will["status"] = {"replicas": 1}
    assert changes(was, will) == {"spec.template.spec.containers.web.image": ("web:1", "web:2")}


def test_inverse_checks_that_the_item_is_the_same() -> None:
    was: Manifest = {"metadata": {}, "spec": template()["spec"]}
    will: Manifest = {"metadata": {}, "spec": template("web:2")["spec"]}
    assert {"op": "test", "path": "/spec/containers/0/name", "value": "web"} in inverse(was, will)


def test_inverse_never_overwrites_somebody_elses_change() -> None:
    was, will = workload("Deployment", "a"), workload("Deployment", "a", image="web:2")
    other = workload("Deployment", "a", image="web:3")
    with pytest.raises(AssertionError):
        patched(other, inverse(was, will))


def test_long_values_are_cut_but_still_tell_sides_apart() -> None:
    was: Manifest = {"metadata": {}, "data": {"app.conf": "a" * 5000}}
    will: Manifest = {"metadata": {}, "data": {"app.conf": "a" * 4999 + "b"}}
    told = changes(was, will)
    assert len(str(told)) < 1000
    assert (state(was, told), state(will, told)) == ("before", "after")


def test_value_at_a_key_with_dots() -> None:
    labels = {"metadata": {"labels": {"app.kubernetes.io/name": "web", "app": "x"}}}
    assert value_at(labels, "metadata.labels.app.kubernetes.io/name") == "web"
    assert value_at(labels, "metadata.labels.missing") is None
