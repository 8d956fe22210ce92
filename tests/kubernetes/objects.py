"""Manifests that the tests create."""

from __future__ import annotations

from typing import Any

from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef

PASSWORD = "hunter2-very-secret"


def template(image: str = "web:1", **container: Any) -> Manifest:
    env = [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "MODE", "value": "fast"}]
    made = {"name": "web", "image": image, "env": env, **container}
    spec = {"containers": [made], "terminationGracePeriodSeconds": 1}
    return {"metadata": {"labels": {"app": "web"}}, "spec": spec}


def workload(kind: str, namespace: str, image: str = "web:1", **spec: Any) -> Manifest:
    body: Manifest = {"selector": {"matchLabels": {"app": "web"}}, "template": template(image), **spec}
    if kind == "StatefulSet":
        body["serviceName"] = "web"
    if kind != "DaemonSet":
        body.setdefault("replicas", 1)
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": namespace},
        "spec": body,
    }


def config_map(namespace: str, **data: str) -> Manifest:
    meta = {"name": "settings", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def secret(namespace: str, **data: str) -> Manifest:
    meta = {"name": "login", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data}


def ref(kind: str, namespace: str, name: str = "web") -> ObjectRef:
    return ObjectRef(kind=kind, namespace=namespace, name=name)
