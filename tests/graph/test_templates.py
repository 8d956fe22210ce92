"""What pod templates name: every way to refer to an object, what is optional, and missing keys."""

from __future__ import annotations

from typing import Any

import pytest

from suture.domain.snapshot import Manifest
from tests.graph.objects import edges, graph, pod_of, ref, thing, web

OTHERS = [thing("ConfigMap/other", data={"a": "1"}), thing("Secret/other", data={"a": "1"})]
PLACES: list[tuple[str, dict[str, Any], str]] = [
    ("env", {"container": {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "a"}}}]}},
     "reads ConfigMap/x"),
    ("secret env", {"container": {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "a"}}}]}},
     "reads Secret/x"),
    ("envFrom", {"container": {"envFrom": [{"configMapRef": {"name": "x"}}]}}, "reads ConfigMap/x"),
    ("secret envFrom", {"container": {"envFrom": [{"secretRef": {"name": "x"}}]}}, "reads Secret/x"),
    ("volume", {"volumes": [{"name": "v", "configMap": {"name": "x"}}]}, "mounts ConfigMap/x"),
    ("secret volume", {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}, "mounts Secret/x"),
    ("projected", {"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "x"}}]}}]},
     "mounts ConfigMap/x"),
    ("projected secret", {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}]},
     "mounts Secret/x"),
    ("csi", {"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "x"}}}]},
     "reads Secret/x"),
    ("storage driver", {"volumes": [{"name": "v", "cephfs": {"secretRef": {"name": "x"}}}]}, "reads Secret/x"),
    ("init container", {"initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "x"}}]}]},
     "reads ConfigMap/x"),
    ("pull secret", {"imagePullSecrets": [{"name": "x"}]}, "pulls with Secret/x"),
    ("claim", {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]},
     "mounts PersistentVolumeClaim/x"),
    ("account", {"serviceAccountName": "x"}, "runs as ServiceAccount/x"),
    ("old field of the account", {"serviceAccount": "x"}, "runs as ServiceAccount/x"),
    ("priority", {"priorityClassName": "x"}, "needs PriorityClass/x"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "told"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_every_place_that_names_an_object(spec: dict[str, Any], told: str) -> None:
    kind = told.rpartition(" ")[2].partition("/")[0]
    data = {"data": {"a": "1"}} if kind in ("ConfigMap", "Secret") else {}
    there = edges(web(**spec), thing(f"{kind}/x", **data))
    assert there[f"Deployment/web {told}"].ok
    other = thing(f"{kind}/somebody-elses")  # kinds of which nothing can be seen may be withheld from us
    assert not edges(web(**spec), other)[f"Deployment/web {told}"].exists


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_an_optional_reference_to_nothing_is_no_fault(kind: str) -> None:
    source = {"name": "x", "key": "lost", "optional": True}
    field = "configMapKeyRef" if kind == "ConfigMap" else "secretKeyRef"
    workload = web(container={"env": [{"name": "A", "valueFrom": {field: source}}]})
    absent = edges(workload, *OTHERS)[f"Deployment/web reads {kind}/x"]
    assert absent.ok
    assert "optional" in absent.note
    assert edges(workload, thing(f"{kind}/x", data={}))[f"Deployment/web reads {kind}/x"].ok


def test_a_missing_key_is_told_of() -> None:
    volume = {"name": "v", "configMap": {"name": "x", "items": [{"key": "a", "path": "a"}, {"key": "b"}]}}
    edge = edges(web(volumes=[volume]), thing("ConfigMap/x", data={"a": "1"}))[
        "Deployment/web mounts ConfigMap/x"
    ]
    assert edge.exists
    assert edge.broken
    assert edge.note == "has no key b"
    binary = thing("ConfigMap/x", data={"a": "1"}, binaryData={"b": ""})
    assert edges(web(volumes=[volume]), binary)["Deployment/web mounts ConfigMap/x"].ok


def test_no_secret_in_sight_may_mean_that_none_may_be_read() -> None:
    workload = web(container={"envFrom": [{"secretRef": {"name": "login"}}]})
    assert edges(workload)["Deployment/web reads Secret/login"].ok
    pod = pod_of(workload, "web-1")
    pod["status"]["containerStatuses"] = [
        {
            "state": {
                "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "login" not found'}
            }
        }
    ]
    assert not edges(workload, pod)["Deployment/web reads Secret/login"].exists


def test_pods_without_an_account_run_as_default() -> None:
    assert "Deployment/web runs as ServiceAccount/default" in edges(web())


def test_what_the_api_server_adds_to_pods_is_left_out() -> None:
    volume = {
        "name": "kube-api-access-x",
        "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]},
    }
    workload = web()
    found = edges(workload, pod_of(workload, "web-1", volumes=[volume]))
    assert not [told for told in found if "kube-root-ca.crt" in told]


def test_a_pod_of_an_older_template_keeps_its_own_references() -> None:
    workload = web(container={"envFrom": [{"configMapRef": {"name": "new"}}]})
    old = pod_of(
        workload, "web-1", containers=[{"name": "main", "envFrom": [{"configMapRef": {"name": "old"}}]}]
    )
    found = edges(workload, old, pod_of(workload, "web-2"), *OTHERS)
    assert "Pod/web-1 reads ConfigMap/old" in found
    assert not [told for told in found if told.startswith("Pod/web-2 reads")]
    assert graph(workload, old).dependents(ref("ConfigMap/old")) == [ref("Deployment/web")]


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod", "CronJob"])
def test_every_kind_of_workload_has_a_template(kind: str) -> None:
    spec = {"containers": [{"name": "main", "envFrom": [{"configMapRef": {"name": "env"}}]}]}
    bodies: dict[str, Manifest] = {
        "Pod": spec,
        "CronJob": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
    }
    body = bodies.get(kind, {"template": {"spec": spec}})
    assert f"{kind}/x reads ConfigMap/env" in edges(thing(f"{kind}/x", spec=body), thing("ConfigMap/env"))
