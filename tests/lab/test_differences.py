"""What counts as a difference, and what the machinery may do unseen."""

from __future__ import annotations

import copy

from lab.objects import Obj
from lab.scenario.differences import RESTARTED, differences, flat, not_allowed

DEPLOYMENT: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "uid": "1", "resourceVersion": "1", "annotations": {}},
    "spec": {
        "replicas": 2,
        "template": {"metadata": {}, "spec": {"containers": [{"name": "c", "image": "a"}]}},
    },
    "status": {"replicas": 2},
}


def _changed() -> Obj:
    out = copy.deepcopy(DEPLOYMENT)
    out["metadata"] |= {"uid": "2", "resourceVersion": "9", "generation": 4}
    out["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
    out["spec"]["template"]["metadata"] = {"creationTimestamp": None, "annotations": {RESTARTED: "now"}}
    out["status"] = {}
    return out


def _diff(new: Obj, strict: bool = False) -> list[str]:
    return differences({"Deployment/web": DEPLOYMENT}, {"Deployment/web": new}, strict)


def test_bookkeeping_is_no_difference_and_a_restart_is_one_only_if_strict() -> None:
    assert _diff(_changed()) == []
    assert len(_diff(_changed(), strict=True)) == 1


def test_a_change_is_named_by_its_path() -> None:
    new = _changed()
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "b"
    assert _diff(new) == ["Deployment/web:spec.template.spec.containers.c.image: a -> b"]


def test_created_and_deleted() -> None:
    assert differences({"A/a": DEPLOYMENT}, {"B/b": DEPLOYMENT}) == ["A/a deleted", "B/b created"]


def test_what_the_cluster_hands_out_is_no_difference() -> None:
    service: Obj = {"kind": "Service", "metadata": {"name": "s"}, "spec": {"clusterIP": "10.96.0.7"}}
    other = {**service, "spec": {"clusterIP": "10.96.0.8"}}
    headless = {**service, "spec": {"clusterIP": "None"}}
    assert differences({"s": service}, {"s": other}) == []
    assert differences({"s": service}, {"s": headless}) != []
    node: Obj = {"kind": "Node", "metadata": {"name": "n"}, "spec": {}}
    lost = {**node, "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]}}
    assert differences({"n": node}, {"n": lost}) == []


def test_flat_names_items_only_if_their_names_differ() -> None:
    assert flat({"a": [{"name": "x", "v": 1}], "b": [], "c": {}, "d": None}) == {"a.x.name": "x", "a.x.v": 1}
    assert set(flat([{"name": "x"}, {"name": "x"}], "p")) == {"p.0.name", "p.1.name"}


def test_globs_allow_a_path_or_an_object() -> None:
    found = ["Deployment/web:spec.replicas: 2 -> 3", "Secret/s created", "Secret/t created"]
    assert not_allowed(found, ["Deployment/web:spec.*", "Secret/s*"]) == ["Secret/t created"]
