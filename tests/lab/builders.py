"""Small Kubernetes objects for the lab's tests."""

from __future__ import annotations

import base64
from typing import Any

from lab.case import Boot, Case, Fate
from lab.fate import decide
from lab.objects import Obj
from lab.store import Store
from lab.world import World

NS = "town"


def pod(app: str, container: Obj | None = None, ready: bool = True, **spec: Any) -> Obj:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    body = {
        "nodeName": "node-1",
        "containers": [{"name": app, "image": f"{app}:1", **(container or {})}],
        **spec,
    }
    meta = {"name": f"{app}-0", "namespace": NS, "uid": f"uid-{app}", "labels": {"app": app}}
    return {
        "kind": "Pod",
        "metadata": meta,
        "spec": body,
        "status": {"phase": "Running", "conditions": conditions},
    }


def service(name: str, port: int, target: int | str | None = None, **spec: Any) -> Obj:
    ports = [{"port": port, **({} if target is None else {"targetPort": target})}]
    body = {"clusterIP": "10.96.1.1", "selector": {"app": name}, "ports": ports, **spec}
    return {"kind": "Service", "metadata": {"name": name, "namespace": NS}, "spec": body}


def policy(name: str, app: str, **spec: Any) -> Obj:
    body = {"podSelector": {"matchLabels": {"app": app}}, **spec}
    return {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": NS}, "spec": body}


def config_map(name: str, **data: str) -> Obj:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": NS}, "data": data}


def secret(name: str, **data: str) -> Obj:
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": NS}, "data": coded}


def world(*objects: Obj, **software: Any) -> World:
    return World(Store(objects), {NS: software})


def fate(program: Obj, container: Obj | None = None, boot: Boot | None = None, **spec: Any) -> Fate:
    """The fate of the only container of a pod that runs `web`."""
    one = pod("web", container, **spec)
    case = Case(world(one, web=program), one, one["spec"]["containers"][0], boot or Boot())
    return decide(case)
