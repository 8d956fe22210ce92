"""What is imposed: storage, rights, scaling, budgets, quotas, priority, webhooks and nodes."""

from __future__ import annotations

from typing import Any

import pytest

from suture.domain.snapshot import Manifest
from tests.graph.objects import edges, pod_of, thing, web

WEB = web(labels={"app": "web"}, serviceAccountName="robot")
ROBOT = thing("ServiceAccount/robot")


def default_class(name: str) -> Manifest:
    made = thing(f"StorageClass/{name}")
    made["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return made


@pytest.mark.parametrize(
    ("spec", "needed", "there"),
    [
        ({"storageClassName": "fast"}, "fast", True),
        ({"storageClassName": "slow"}, "slow", False),
        ({}, "fast", True),  # absent: the default
        ({"storageClassName": ""}, None, True),  # empty: none at all
    ],
)
def test_claims_and_their_class(spec: dict[str, Any], needed: str | None, there: bool) -> None:
    found = edges(thing("PersistentVolumeClaim/data", spec=spec), default_class("fast"))
    needs = [e for e in found.values() if e.relation == "needs"]
    assert [(e.target.name, e.exists) for e in needs] == ([(needed, there)] if needed else [])


def test_a_bound_claim_no_longer_needs_its_class() -> None:
    bound = thing("PersistentVolumeClaim/data", spec={"storageClassName": "gone"}, status={"phase": "Bound"})
    assert not edges(bound, default_class("fast"))


def test_claims_and_volumes() -> None:
    claim = thing("PersistentVolumeClaim/data", spec={"volumeName": "v1", "storageClassName": ""})
    mine = thing("PersistentVolume/v1", spec={"claimRef": {"namespace": "shop", "name": "data"}})
    others = thing("PersistentVolume/v1", spec={"claimRef": {"namespace": "shop", "name": "old"}})
    told = "PersistentVolumeClaim/data is bound to PersistentVolume/v1"
    assert edges(claim, mine)[told].ok
    assert edges(claim, others)[told].broken
    assert not edges(claim, thing("PersistentVolume/v2"))[told].exists


def test_claims_of_stateful_sets() -> None:
    db = web("StatefulSet/db")
    db["spec"] |= {"serviceName": "db", "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]}
    found = edges(db, pod_of(db, "db-0"), pod_of(db, "db-1"), thing("PersistentVolumeClaim/data-db-0"))
    assert found["StatefulSet/db mounts PersistentVolumeClaim/data-db-0"].ok
    assert not found["StatefulSet/db mounts PersistentVolumeClaim/data-db-1"].exists
    assert not found["StatefulSet/db needs Service/db"].exists
    assert not [told for told in edges(db) if "PersistentVolumeClaim" in told]  # no pods yet: no claims yet


def binding(*subjects: Manifest, name: str = "RoleBinding/rights", role: str = "Role/reader") -> Manifest:
    kind, _, named = role.partition("/")
    return thing(name, subjects=list(subjects), roleRef={"kind": kind, "name": named})


@pytest.mark.parametrize(
    ("subject", "bound"),
    [
        ({"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}, True),
        ({"kind": "ServiceAccount", "name": "robot", "namespace": "bank"}, False),
        ({"kind": "ServiceAccount", "name": "robot"}, False),
        ({"kind": "User", "name": "system:serviceaccount:shop:robot"}, True),
        ({"kind": "User", "name": "robot"}, False),
        ({"kind": "Group", "name": "system:serviceaccounts"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts:bank"}, False),
        ({"kind": "Group", "name": "system:authenticated"}, True),
        ({"kind": "Group", "name": "admins"}, False),
    ],
)
def test_subjects_of_bindings(subject: Manifest, bound: bool) -> None:
    found = edges(WEB, ROBOT, binding(subject), thing("Role/reader"))
    assert ("ServiceAccount/robot may RoleBinding/rights" in found) is bound
    assert found["RoleBinding/rights grants Role/reader"].ok


def test_roles_that_are_not_there() -> None:
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}
    found = edges(
        WEB, ROBOT, binding(subject), binding(subject, name="ClusterRoleBinding/all", role="ClusterRole/x")
    )
    assert not found["RoleBinding/rights grants Role/reader"].exists
    assert not found["ClusterRoleBinding/all grants ClusterRole/x"].exists
    assert found["ServiceAccount/robot may ClusterRoleBinding/all"].ok


@pytest.mark.parametrize(
    ("made", "meant"),
    [
        (binding({"kind": "ServiceAccount", "name": "robott", "namespace": "shop"}), True),
        (binding(name="RoleBinding/robot-reads"), True),
        (binding(name="RoleBinding/x", role="Role/robot"), True),
        (binding(name="RoleBinding/x"), False),
        (binding({"kind": "User", "name": "ada"}, name="RoleBinding/robot"), False),
        (
            binding({"kind": "ServiceAccount", "name": "robot", "namespace": "bank"}),
            False,
        ),  # not seen from here
    ],
)
def test_bindings_that_went_astray(made: Manifest, meant: bool) -> None:
    names = [thing("Namespace/shop"), thing("Namespace/bank")]
    found = edges(WEB, ROBOT, made, *names, namespace="shop")
    assert any(" should bind ServiceAccount/robot" in told for told in found) is meant


def test_roles_gathered_by_label() -> None:
    rule = {"clusterRoleSelectors": [{"matchLabels": {"to-view": "true"}}]}
    found = edges(thing("ClusterRole/view", aggregationRule=rule), thing("ClusterRole/a", {"to-view": "true"}),
                  thing("ClusterRole/b"))  # fmt: skip
    assert list(found) == ["ClusterRole/view grants ClusterRole/a"]


def scaler(kind: str, name: str, own: str = "hpa") -> Manifest:
    return thing(f"HorizontalPodAutoscaler/{own}", spec={"scaleTargetRef": {"kind": kind, "name": name}})


def test_autoscalers() -> None:
    assert edges(WEB, scaler("Deployment", "web"))["HorizontalPodAutoscaler/hpa scales Deployment/web"].ok
    dangling = edges(WEB, scaler("Deployment", "webb"))
    assert not dangling["HorizontalPodAutoscaler/hpa scales Deployment/webb"].exists
    assert dangling["HorizontalPodAutoscaler/hpa should scale Deployment/web"].broken
    assert "HorizontalPodAutoscaler/web should scale Deployment/web" in edges(
        WEB, scaler("Deployment", "zzz", "web")
    )
    assert "HorizontalPodAutoscaler/hpa should scale Deployment/web" in edges(
        WEB, scaler("StatefulSet", "web")
    )
    taken = edges(WEB, scaler("Deployment", "webb"), scaler("Deployment", "web", "other"))
    assert not [told for told in taken if "should scale" in told]
    assert not [t for t in edges(WEB, scaler("Rollout", "web")) if "scale" in t]  # a custom resource


@pytest.mark.parametrize(
    ("selector", "budgeted"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({}, True),
        (None, False),
    ],
)
def test_budgets(selector: Any, budgeted: bool) -> None:
    budget = thing("PodDisruptionBudget/b", spec={"selector": selector})
    assert ("PodDisruptionBudget/b budgets Deployment/web" in edges(WEB, budget)) is budgeted


def test_quotas_limit_ranges_and_the_namespace() -> None:
    full = {"hard": {"pods": "2", "requests.cpu": "1"}, "used": {"pods": "2", "requests.cpu": "500m"}}
    marks = {"pod-security.kubernetes.io/enforce": "restricted"}
    found = edges(
        WEB, thing("ResourceQuota/q", status=full), thing("LimitRange/l"), thing("Namespace/shop", marks)
    )
    assert found["ResourceQuota/q limits Deployment/web"].note == "used up: pods 2 of 2"
    assert found["LimitRange/l limits Deployment/web"].ok
    assert found["Deployment/web lives in Namespace/shop"].note == "pods: enforce restricted"
    ending = thing("Namespace/shop", status={"phase": "Terminating"})
    assert edges(WEB, ending)["Deployment/web lives in Namespace/shop"].broken


def test_quotas_of_a_scope() -> None:
    quota = thing("ResourceQuota/q", spec={"scopes": ["Terminating"]})
    assert "ResourceQuota/q limits Deployment/web" not in edges(WEB, quota)
    assert "ResourceQuota/q limits Deployment/web" in edges(web(activeDeadlineSeconds=5), quota)


def test_the_default_priority_class() -> None:
    classes = [thing("PriorityClass/low", globalDefault=True), thing("PriorityClass/high")]
    assert "Deployment/web needs PriorityClass/low" in edges(WEB, *classes)
    assert "Deployment/web needs PriorityClass/low" not in edges(web(priorityClassName="high"), *classes)


def hook(rule: Manifest | None = None, **more: Any) -> Manifest:
    rule = rule or {"apiGroups": [""], "resources": ["pods"]}
    return thing("ValidatingWebhookConfiguration/guard", webhooks=[{"name": "h", "rules": [rule], **more}])


@pytest.mark.parametrize(
    ("made", "admits"),
    [
        (hook(), True),
        (hook({"apiGroups": ["*"], "resources": ["*"]}), True),
        (hook({"apiGroups": ["*"], "resources": ["*/*"]}), True),
        (hook({"apiGroups": ["apps"], "resources": ["deployments"]}), True),
        (hook({"apiGroups": ["apps"], "resources": ["statefulsets"]}), False),
        (hook({"apiGroups": ["apps"], "resources": ["pods"]}), False),
        (hook({"apiGroups": [""], "resources": ["pods/exec"]}), False),
        (hook({"apiGroups": ["*"], "resources": ["*"], "scope": "Cluster"}), False),
        (hook(namespaceSelector={}), True),
        (hook(namespaceSelector={"matchLabels": {"guarded": "yes"}}), True),
        (hook(namespaceSelector={"matchLabels": {"guarded": "no"}}), False),
        (hook(namespaceSelector={"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]}), False),
        (hook(objectSelector={"matchLabels": {"app": "web"}}), True),
        (hook(objectSelector={"matchLabels": {"app": "api"}}), False),
    ],
)  # fmt: skip
def test_webhooks(made: Manifest, admits: bool) -> None:
    found = edges(WEB, made, thing("Namespace/shop", {"guarded": "yes"}))
    assert ("ValidatingWebhookConfiguration/guard admits Deployment/web" in found) is admits


def test_the_service_behind_a_webhook() -> None:
    made = hook(clientConfig={"service": {"namespace": "shop", "name": "guard"}})
    told = "ValidatingWebhookConfiguration/guard needs Service/guard"
    assert not edges(WEB, made)[told].exists
    assert edges(WEB, made, thing("Service/guard"))[told].ok


def test_nodes() -> None:
    placed, waiting = pod_of(WEB, "web-1", nodeName="n1"), pod_of(WEB, "web-2")
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    lost = {"conditions": [{"type": "Ready", "status": "Unknown"}]}
    found = edges(WEB, placed, thing("Node/n1", status=ready))
    assert found["Pod/web-1 runs on Node/n1"].ok
    assert edges(WEB, placed, thing("Node/n1", status=lost))["Pod/web-1 runs on Node/n1"].broken
    assert not edges(WEB, placed, thing("Node/n2"))["Pod/web-1 runs on Node/n1"].exists
    taint = {"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}
    closed = [
        thing("Node/n1", spec={"unschedulable": True}),
        thing("Node/n2", spec=taint),
        thing("Node/n3", status=ready),
    ]
    notes = {
        e.target.name: e.note for e in edges(WEB, waiting, *closed).values() if e.relation == "cannot run on"
    }
    assert notes == {"n1": "cordoned", "n2": "taint gpu=yes:NoSchedule"}
    assert not [t for t in edges(WEB, placed, *closed) if "cannot" in t]  # none of its pods waits


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({}, False),
    ],
)
def test_tolerations(toleration: Manifest, tolerated: bool) -> None:
    workload = web(tolerations=[toleration])
    node = thing("Node/n1", spec={"taints": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]})
    found = edges(workload, pod_of(workload, "web-1"), node)
    assert ("Deployment/web cannot run on Node/n1" in found) is not tolerated


def test_workloads_that_must_run_beside_others() -> None:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "cache"}}}
    beside = {
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term, {"topologyKey": "zone"}]}
    }
    found = edges(web(affinity=beside), web("Deployment/cache"), web("Deployment/api"))
    assert [t for t in found if " needs " in t] == ["Deployment/web needs Deployment/cache"]
