"""From the labels that Alertmanager, kube-prometheus and others send to the object that is meant."""

from __future__ import annotations

import pytest

from suture.diagnosis.owners import top_owner_of
from suture.diagnosis.resolve import resolve
from suture.domain.target import ObjectRef
from tests.diagnosis.builder import NS, Rev, World, ready, template

KSM = {
    "container": "kube-state-metrics",
    "pod": "kube-state-metrics-6c9f7d5b8-x2v4z",
    "job": "kube-state-metrics",
    "service": "ksm",
}


@pytest.fixture(name="world")
def _world() -> World:
    world = World()
    web = world.deployment("web", Rev("web:1", [ready(), ready()]))
    world.deployment("idle", Rev("idle:1", []), replicas=0)
    world.deployment("shared", Rev(template("shared:1", "app"), [ready()]))
    world.stateful_set("db", Rev("db:1", [ready(), ready()]))
    world.daemon_set("agent", Rev("agent:1", [ready()]))
    cron = world.add(
        "CronJob", "report", spec={"jobTemplate": {"spec": {"template": template("report:1", "report")}}}
    )
    job = world.add("Job", "report-29000000", owner=cron, spec={"template": template("report:1", "report")})
    world.pod("report-29000000-x4vbz", template("report:1", "report"), ready(), job)
    world.autoscaler(web, name="web-scaler")
    world.service("web", app="web")
    world.service("front", app="web")
    world.service("idle", app="idle")
    world.service("db", app="mistyped")
    world.service("nothing", app="nobody")
    world.add("Ingress", "edge", spec={"rules": [{"host": "web.example.com"}]})
    world.add("PodDisruptionBudget", "web-budget", spec={})
    claim = template(
        "files:1", "files", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    )
    world.deployment("files", Rev(claim, [ready()]))
    world.add("PersistentVolumeClaim", "data", spec={})
    world.add("PersistentVolumeClaim", "unused", spec={})
    return world


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"instance": "https://web.example.com/cart", "job": "blackbox"}, "Ingress/shop/edge"),
        ({"instance": "web:8080", "job": "blackbox"}, "Deployment/shop/web"),
        ({"url": "http://web.shop.svc.cluster.local/x"}, "Deployment/shop/web"),
        ({"destination_service": "web.shop.svc"}, "Deployment/shop/web"),
        ({"upstream": "nothing"}, "Service/shop/nothing"),
        ({"source": "files", "destination": "web"}, "Deployment/shop/web"),
        ({"budget": "web-budget"}, "PodDisruptionBudget/shop/web-budget"),
        ({"team": "web", "job": "blackbox"}, None),
        ({"deployment": "web"}, "Deployment/shop/web"),
        ({"statefulset": "db"}, "StatefulSet/shop/db"),
        ({"daemonset": "agent"}, "DaemonSet/shop/agent"),
        ({"cronjob": "report"}, "CronJob/shop/report"),
        ({"job_name": "report-29000000"}, "CronJob/shop/report"),
        ({"job_name": "report-28999999"}, "CronJob/shop/report"),  # collected already
        ({"replicaset": "web-1c7d9"}, "Deployment/shop/web"),
        ({"deployment": "web", **KSM}, "Deployment/shop/web"),
        ({"deployment": "gone"}, "Deployment/shop/gone"),
        ({"pod": "web-1c7d9-x2bcd", "container": "web"}, "Deployment/shop/web"),
        ({"pod": "web-1c7d9-zzzzz"}, "Deployment/shop/web"),  # deleted; its replica set is there
        ({"pod": "web-6c9f7d5b8-zzzzz"}, "Deployment/shop/web"),  # its replica set is gone, too
        ({"pod": "db-7"}, "StatefulSet/shop/db"),
        ({"pod": "agent-zzzzz"}, "DaemonSet/shop/agent"),
        ({"pod": "report-28999999-zzzzz"}, "CronJob/shop/report"),
        ({"pod": "nobody-6c9f7d5b8-zzzzz"}, None),
        ({"pod": "web-1c7d9-x2bcd", "job": "kube-state-metrics"}, "Deployment/shop/web"),
        ({"exported_pod": "db-0", "exported_namespace": NS, **KSM}, "StatefulSet/shop/db"),
        ({"horizontalpodautoscaler": "web-scaler", **KSM}, "Deployment/shop/web"),
        ({"persistentvolumeclaim": "data"}, "Deployment/shop/files"),
        ({"persistentvolumeclaim": "unused"}, "PersistentVolumeClaim/shop/unused"),
        ({"node": "node-2", **KSM}, "Node/node-2"),
        ({"node": "node-2", "pod": "web-1c7d9-x2bcd"}, "Deployment/shop/web"),
        ({"instance": "10.0.0.1:9100", "job": "node-exporter", "pod": "node-exporter-abcde"}, "Node/node-2"),
        ({"instance": "node-3"}, "Node/node-3"),
        ({"workload": "web", "workload_type": "deployment"}, "Deployment/shop/web"),
        ({"workload": "db"}, "StatefulSet/shop/db"),
        ({"created_by_kind": "ReplicaSet", "created_by_name": "web-1c7d9"}, "Deployment/shop/web"),
        ({"owner_kind": "StatefulSet", "owner_name": "db"}, "StatefulSet/shop/db"),
        ({"service": "web", "job": "web"}, "Deployment/shop/web"),
        ({"service": "front"}, "Deployment/shop/web"),
        ({"service": "idle"}, "Deployment/shop/idle"),  # no pods, but it would select them
        ({"service": "db"}, "StatefulSet/shop/db"),  # the selector is wrong, the name is right
        ({"service": "nothing"}, "Service/shop/nothing"),
        ({"service": "gone"}, "Service/shop/gone"),
        ({"job": "web"}, "Deployment/shop/web"),
        ({"job": "shop/web"}, "Deployment/shop/web"),
        ({"job": "unheard-of"}, None),
        ({"container": "agent"}, "DaemonSet/shop/agent"),
        ({"alertname": "Watchdog"}, None),
        ({}, None),
        ({"deployment": "not a name/at all"}, None),
        ({"pod": "", "deployment": "web"}, "Deployment/shop/web"),
    ],
)
def test_labels(world: World, labels: dict[str, str], expected: str | None) -> None:
    found = resolve(world.snapshot(), labels, NS)
    assert (str(found) if found else None) == expected


def test_an_ambiguous_name_is_not_guessed(world: World) -> None:
    world.add("StatefulSet", "a", spec={})
    world.add("DaemonSet", "a-22222", spec={})
    world.add("Deployment", "a", spec={})
    gone = ObjectRef(kind="Pod", namespace=NS, name="a-22222-22222")
    assert top_owner_of(world.snapshot(), gone) == gone


def test_other_namespaces_are_not_searched(world: World) -> None:
    assert resolve(world.snapshot(), {"pod": "web-1c7d9-x2bcd"}, "elsewhere") is None
