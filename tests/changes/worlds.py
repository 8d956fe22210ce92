"""A small application whose objects have a recorded past: as they were, and as they are now."""

from __future__ import annotations

import copy
from typing import Any

from suture.diagnosis.case import Case
from suture.diagnosis.changes.history import Past, Period, State
from suture.domain.diagnosis import FailureType, Symptom
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef
from suture.memory.revisions import wish
from tests.diagnosis.builder import NOW, NS, Rev, World, at, ready

KINDS = ("Deployment", "Service", "ConfigMap", "Ingress", "NetworkPolicy", "HorizontalPodAutoscaler", "Role")


def application() -> World:
    """A web workload with everything around it, healthy."""
    world = World()
    made_of = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "serviceAccountName": "web",
            "containers": [
                {
                    "name": "web",
                    "image": "registry.example.com/web:1",
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [
                        {"name": "LEVEL", "value": "info"},
                        {
                            "name": "MODE",
                            "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}},
                        },
                    ],
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
                    "resources": {"limits": {"memory": "256Mi"}, "requests": {"memory": "128Mi"}},
                }
            ],
        },
    }
    world.deployment(
        "web", Rev(made_of, [ready(), ready()], age=7200), selector={"matchLabels": {"app": "web"}}
    )
    world.add("ConfigMap", "settings", data={"mode": "fast", "app.conf": "x=1"})
    port = {"name": "http", "port": 80, "targetPort": "http"}
    world.add("Service", "web", spec={"selector": {"app": "web"}, "ports": [port]})
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    world.add("Ingress", "web", spec={"rules": [{"host": "web.example.com", "http": {"paths": [path]}}]})
    world.add("ServiceAccount", "web")
    world.add(
        "Role", "reader", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    )
    world.add(
        "RoleBinding", "reader", roleRef={"kind": "Role", "name": "reader"},
        subjects=[{"kind": "ServiceAccount", "name": "web", "namespace": NS}],
    )  # fmt: skip
    world.add(
        "NetworkPolicy", "web",
        spec={"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [{"from": []}]},
    )  # fmt: skip
    world.add(
        "HorizontalPodAutoscaler", "web",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 5},
    )  # fmt: skip
    return world


def target() -> ObjectRef:
    return ObjectRef(kind="Deployment", namespace=NS, name="web")


def state(
    manifest: Manifest | None, ref: ObjectRef, seconds_ago: float, number: int, manager: str = "kubectl"
) -> State:
    content = copy.deepcopy(wish(manifest)) if manifest else None
    return State(f"{ref}-{number}", ref, "uid", at(seconds_ago), manager, content)


def past_of(
    before: dict[ObjectRef, Manifest], now: Snapshot, seconds_ago: float = 30, manager: str = "kubectl"
) -> Past:
    """Everything as it was for two hours, and what differs now since some seconds."""
    states: list[State] = []
    for ref, manifest in before.items():
        states.append(state(manifest, ref, 7200, 1))
        live = now.find(ref)
        if live is None or wish(live) != wish(manifest):
            states.append(state(live, ref, seconds_ago, 2, manager if live else ""))
    return Past.of(states, {target(): [Period(at(7000), None)]})


def everything(world: World) -> dict[ObjectRef, Manifest]:
    return {
        ref_of(o): copy.deepcopy(o)
        for o in world.objects
        if o["kind"] in (*KINDS, "RoleBinding", "ServiceAccount")
    }


def complaint(kind: FailureType = FailureType.TRAFFIC, message: str = "requests fail") -> Symptom:
    return Symptom(
        failure_type=kind, object=target(), owner=target(), reason="Alert", message=message, since=at(10)
    )


def case(snapshot: Snapshot, past: Past, *symptoms: Symptom, **more: Any) -> Case:
    return Case(snapshot, more.pop("about", target()), symptoms or (complaint(),), past=past, now=NOW, **more)
