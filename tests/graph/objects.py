"""Manifests in few words, for tables of edges."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from suture.diagnosis.graph import Edge, Graph, build
from suture.domain.snapshot import CLUSTER_SCOPED, Manifest, Snapshot
from suture.domain.target import ObjectRef

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NS = "shop"


def ref(text: str) -> ObjectRef:
    """`Kind/name` in the namespace of the tests, or `Kind/namespace/name`."""
    found = ObjectRef.parse(text)
    if found.namespace or found.kind in CLUSTER_SCOPED:
        return found
    return ObjectRef(kind=found.kind, namespace=NS, name=found.name)


def thing(text: str, labels: dict[str, str] | None = None, **fields: Any) -> Manifest:
    """Any object; its uid is its own name."""
    of = ref(text)
    meta: Manifest = {"name": of.name, "uid": f"uid-{of}", "labels": labels or {}}
    if of.namespace:
        meta["namespace"] = of.namespace
    return {"kind": of.kind, "metadata": meta, **fields}


def web(name: str = "Deployment/web", labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    """A workload with one container; `container=` holds its further fields, the rest is its pod's spec."""
    having = labels or {"app": name.rpartition("/")[2]}
    container = {"name": "main", "image": "x", **spec.pop("container", {})}
    template = {"metadata": {"labels": having}, "spec": {"containers": [container], **spec}}
    return thing(name, having, spec={"selector": {"matchLabels": having}, "template": template})


def pod_of(owner: Manifest, name: str, **fields: Any) -> Manifest:
    """A pod that the workload itself controls, as those of StatefulSets are."""
    template = owner["spec"]["template"]
    namespace = owner["metadata"]["namespace"]
    pod = thing(f"Pod/{namespace}/{name}", template["metadata"]["labels"], status={"phase": "Running"})
    controller = {"controller": True, "kind": owner["kind"]}
    pod["metadata"]["ownerReferences"] = [
        controller | {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    ]
    return pod | {"spec": {**template["spec"], **fields}}


def graph(*objects: Manifest, namespace: str | None = None) -> Graph:
    return build(Snapshot(objects, NOW), namespace)


def edges(*objects: Manifest, namespace: str | None = None) -> dict[str, Edge]:
    """The edges by what they say, without the namespace of the tests: `Deployment/web reads ConfigMap/env`."""
    found = graph(*objects, namespace=namespace).edges
    return {str(e).replace(f"/{NS}/", "/"): e for e in found}
