"""Questions about plain objects."""

from __future__ import annotations

import pytest

from lab.objects import Obj, app_of, dig, is_ready, matches, quantity, seconds_of, timestamp


def test_dig_goes_through_keys_names_and_indexes() -> None:
    tree = {"spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "1", "image": "odd"}]}}
    assert dig(tree, "spec.containers.web.image") == "web:1"
    assert dig(tree, "spec.containers.0.image") == "web:1"
    assert dig(tree, "spec.containers.9.image") is None
    assert dig(tree, "spec.nothing.here", "default") == "default"


def test_a_false_value_is_found() -> None:
    assert dig({"spec": {"suspend": False, "replicas": 0}}, "spec.suspend") is False
    assert dig({"spec": {"suspend": False, "replicas": 0}}, "spec.replicas", 7) == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", 0.25), ("64Mi", 64 * 2**20), ("2", 2), (3, 3), ("1.5Gi", 1.5 * 2**30), ("?", 0)],
)
def test_quantities(text: object, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [("In", ["web"], True), ("NotIn", ["web"], False), ("Exists", None, True), ("DoesNotExist", None, False)],
)
def test_selector_expressions(operator: str, values: list[str] | None, fits: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    assert matches({"matchExpressions": [expression]}, {"app": "web"}) is fits


def test_an_empty_selector_accepts_everything_and_an_unknown_operator_is_refused() -> None:
    assert matches({}, None)
    with pytest.raises(ValueError, match="Near"):
        matches({"matchExpressions": [{"key": "a", "operator": "Near"}]}, {})


def test_a_pod_that_is_being_deleted_is_not_ready() -> None:
    pod: Obj = {"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert is_ready(pod)
    pod["metadata"] = {"deletionTimestamp": timestamp()}
    assert not is_ready(pod)


def test_the_app_comes_from_either_label() -> None:
    assert app_of({"metadata": {"labels": {"app": "web"}}}) == "web"
    assert app_of({"metadata": {"labels": {"app.kubernetes.io/name": "web"}}}) == "web"
    assert app_of({"metadata": {}}) == ""


def test_timestamps_can_be_read_back() -> None:
    assert seconds_of(timestamp(1_700_000_000)) == 1_700_000_000
