"""How far plans reach: counted at the worst moment, over the whole plan, and with whose the objects are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from suture.diagnosis.gitops import managed_by
from suture.diagnosis.impact import impact
from suture.domain.action import Action, Cordon, DeletePod, Patch, RestartRollout, Scale, UndoRollout
from suture.domain.impact import Impact
from suture.domain.plan import Plan
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef

WEB = ObjectRef(kind="Deployment", namespace="shop", name="web")


def pod(number: int, ready: bool = True, node: str = "n1") -> Manifest:
    owner = {"kind": "Deployment", "name": "web", "uid": "web", "controller": True}
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"web-{number}",
            "namespace": "shop",
            "labels": {"app": "web"},
            "ownerReferences": [owner],
        },
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def workload(replicas: int, kind: str = "Deployment", **spec: Any) -> Manifest:
    template = {"metadata": {"labels": {"app": "web"}}}
    return {
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "uid": "web"},
        "spec": {"replicas": replicas, "template": template, **spec},
    }


def node(name: str, ready: str = "True", **spec: Any) -> Manifest:
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def budget(allowed: int) -> Manifest:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed},
    }


def of(objects: list[Manifest], *actions: Action) -> Impact:
    return impact(Snapshot(objects, datetime.now(UTC)), Plan(actions=list(actions)))


def delete(number: int) -> DeletePod:
    return DeletePod(object=ObjectRef(kind="Pod", namespace="shop", name=f"web-{number}"))


def test_a_scale_counts_replicas_and_the_pods_it_takes_away() -> None:
    reach = of([workload(4), *map(pod, range(4))], Scale(object=WEB, replicas=1)).actions[0]
    assert (reach.replicas_before, reach.replicas_after, reach.replicas_changed) == (4, 1, 3)
    assert (reach.healthy_pods_disrupted, reach.unhealthy_share_after) == (3, 0.75)


@pytest.mark.parametrize(
    "patch",
    [
        {"patch_type": "merge", "body": {"spec": {"replicas": 1}}},
        {"patch_type": "json", "body": [{"op": "replace", "path": "/spec/replicas", "value": 1}]},
        {"patch_type": "json", "body": [{"op": "remove", "path": "/spec/replicas"}]},
        {"patch_type": "json", "body": [{"op": "replace", "path": "/spec", "value": {"replicas": 1}}]},
    ],
)
def test_a_patch_of_the_replicas_is_a_scale(patch: dict[str, Any]) -> None:
    reach = of([workload(4), *map(pod, range(4))], Patch(object=WEB, **patch)).actions[0]
    assert (reach.replicas_changed, reach.healthy_pods_disrupted) == (3, 3)


def test_what_earlier_actions_took_away_is_still_away() -> None:
    found = of([workload(4), *map(pod, range(4))], delete(0), delete(1), delete(1))
    assert [a.healthy_pods_disrupted for a in found.actions] == [1, 1, 0]
    assert [a.unhealthy_share_after for a in found.actions] == [0.25, 0.5, 0.5]
    there_and_back = of([workload(2)], Scale(object=WEB, replicas=0), Scale(object=WEB, replicas=2))
    assert there_and_back.replicas_changed == 4


@pytest.mark.parametrize(
    ("spec", "kind", "ready", "disrupted"),
    [
        ({}, "Deployment", 4, 1),  # 25 % of 4
        ({}, "Deployment", 3, 0),  # one is away already: the strategy lets no other go
        ({"strategy": {"type": "Recreate"}}, "Deployment", 4, 4),
        ({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}, "Deployment", 4, 0),
        ({"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}}, "Deployment", 4, 1),
        ({}, "StatefulSet", 4, 1),
        ({"updateStrategy": {"type": "OnDelete"}}, "StatefulSet", 4, 0),
    ],
)
def test_a_rollout_takes_what_its_strategy_lets_go(
    spec: dict[str, Any], kind: str, ready: int, disrupted: int
) -> None:
    pods = [pod(n, n < ready) for n in range(4)]
    for p in pods:
        p["metadata"]["ownerReferences"][0]["kind"] = kind
    about = ObjectRef(kind=kind, namespace="shop", name="web")
    for action in (RestartRollout(object=about), UndoRollout(object=about)):
        assert of([workload(4, kind, **spec), *pods], action).actions[0].healthy_pods_disrupted == disrupted


def test_a_broken_pod_disrupts_nothing_and_a_lost_node_needs_no_budget() -> None:
    objects = [
        workload(2),
        pod(0, ready=False),
        pod(1, node="n2"),
        budget(0),
        node("n1"),
        node("n2", "Unknown"),
    ]
    broken, stranded = of(objects, delete(0), delete(1)).actions
    assert (broken.healthy_pods_disrupted, broken.disruptions_allowed) == (0, 0)
    assert (stranded.healthy_pods_disrupted, stranded.disruptions_allowed) == (0, None)


def test_the_tightest_budget_counts() -> None:
    other = budget(2)
    other["metadata"]["name"] = "other"
    assert of([workload(1), pod(0), budget(1), other], delete(0)).actions[0].disruptions_allowed == 1
    assert of([workload(1), pod(0)], delete(0)).actions[0].disruptions_allowed is None


def test_nodes_that_take_no_pods_are_counted_together() -> None:
    nodes = [node("n1"), node("n2", "Unknown"), node("n3", unschedulable=True), node("n4")]
    cordon = Cordon(object=ObjectRef(kind="Node", name="n1"))
    closing = Patch(object=cordon.object, body={"spec": {"unschedulable": True}})
    assert of(nodes, cordon).actions[0].nodes_unavailable_share == 0.75
    assert of(nodes, closing).actions[0].nodes_unavailable_share == 0.75
    both = of(nodes, cordon, Cordon(object=ObjectRef(kind="Node", name="n4")))
    assert both.actions[1].nodes_unavailable_share == 1.0


@pytest.mark.parametrize(
    ("labels", "annotations", "owner"),
    [
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, "Argo CD application shop"),
        ({"argocd.argoproj.io/instance": "shop"}, {}, "Argo CD application shop"),
        (
            {"app.kubernetes.io/instance": "shop"},
            {"argocd.argoproj.io/sync-wave": "1"},
            "Argo CD application shop",
        ),
        ({"app.kubernetes.io/instance": "shop"}, {}, ""),  # Helm and others write it too
        ({"argocd.argoproj.io/secret-type": "cluster"}, {}, ""),
        (
            {
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
            {},
            "Flux kustomization flux-system/apps",
        ),
        (
            {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"},
            {},
            "Flux Helm release shop/web",
        ),
        (
            {"kustomize.toolkit.fluxcd.io/name": "apps"},
            {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
            "",
        ),
    ],
)
def test_gitops_owners(labels: dict[str, str], annotations: dict[str, str], owner: str) -> None:
    manifest = workload(1)
    manifest["metadata"] |= {"labels": labels, "annotations": annotations}
    assert managed_by(manifest) == owner
    assert of([manifest, pod(0)], Scale(object=WEB, replicas=2)).actions[0].managed_by == owner
    assert of([manifest, pod(0)], delete(0)).actions[0].managed_by == ""  # its controller makes it anew


@pytest.mark.parametrize("where", ["object", "owner", "namespace"])
def test_who_says_hands_off_is_heard(where: str) -> None:
    manifest, one = workload(1), pod(0)
    space: Manifest = {"kind": "Namespace", "metadata": {"name": "shop"}}
    marked = {"object": one, "owner": manifest, "namespace": space}[where]
    marked["metadata"]["annotations"] = {"suture.dev/protected": "a migration runs"}
    told = of([manifest, one, space], delete(0)).actions[0].protected
    assert "a migration runs" in told
    marked["metadata"]["annotations"] = {"suture.dev/protected": "false"}
    assert of([manifest, one, space], delete(0)).actions[0].protected == ""


def test_edits_of_parameters_move_the_numbers() -> None:
    found = of([workload(4), *map(pod, range(4))], Scale(object=WEB, replicas=5))
    edited = found.after_edits(Plan(actions=[Scale(object=WEB, replicas=1)]))
    assert edited is not None
    assert (edited.actions[0].replicas_changed, edited.actions[0].healthy_pods_disrupted) == (3, 4)
    other = Plan(
        actions=[Scale(object=ObjectRef(kind="Deployment", namespace="shop", name="api"), replicas=1)]
    )
    assert found.after_edits(other) is None
