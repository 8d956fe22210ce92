"""Plain-dict Kubernetes objects and the few questions everybody asks them.

The lab handles objects exactly as the API server sends them (no model classes), so that a field the lab has
never heard of survives a read and a write.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, NamedTuple

Obj = dict[str, Any]


class Kind(NamedTuple):
    """Where the API server keeps the objects of one kind."""

    prefix: str
    plural: str
    namespaced: bool


_CATALOGUE: dict[tuple[str, bool], str] = {
    ("api/v1", True): "Pod:pods Service:services ConfigMap:configmaps Secret:secrets Event:events "
    "PersistentVolumeClaim:persistentvolumeclaims ServiceAccount:serviceaccounts "
    "ResourceQuota:resourcequotas LimitRange:limitranges",
    ("api/v1", False): "Namespace:namespaces Node:nodes PersistentVolume:persistentvolumes",
    ("apis/apps/v1", True): "Deployment:deployments StatefulSet:statefulsets DaemonSet:daemonsets "
    "ReplicaSet:replicasets ControllerRevision:controllerrevisions",
    ("apis/batch/v1", True): "Job:jobs CronJob:cronjobs",
    ("apis/autoscaling/v2", True): "HorizontalPodAutoscaler:horizontalpodautoscalers",
    ("apis/policy/v1", True): "PodDisruptionBudget:poddisruptionbudgets",
    ("apis/networking.k8s.io/v1", True): "Ingress:ingresses NetworkPolicy:networkpolicies",
    ("apis/networking.k8s.io/v1", False): "IngressClass:ingressclasses",
    ("apis/discovery.k8s.io/v1", True): "EndpointSlice:endpointslices",
    ("apis/coordination.k8s.io/v1", True): "Lease:leases",
    ("apis/rbac.authorization.k8s.io/v1", True): "Role:roles RoleBinding:rolebindings",
    ("apis/rbac.authorization.k8s.io/v1", False): "ClusterRole:clusterroles "
    "ClusterRoleBinding:clusterrolebindings",
    ("apis/storage.k8s.io/v1", False): "StorageClass:storageclasses",
    ("apis/scheduling.k8s.io/v1", False): "PriorityClass:priorityclasses",
    (
        "apis/admissionregistration.k8s.io/v1",
        False,
    ): "ValidatingWebhookConfiguration:validatingwebhookconfigurations "
    "MutatingWebhookConfiguration:mutatingwebhookconfigurations",
    ("apis/apiregistration.k8s.io/v1", False): "APIService:apiservices",
    ("apis/apiextensions.k8s.io/v1", False): "CustomResourceDefinition:customresourcedefinitions",
}

KINDS: dict[str, Kind] = {
    kind: Kind(prefix, plural, namespaced)
    for (prefix, namespaced), names in _CATALOGUE.items()
    for kind, plural in (entry.split(":") for entry in names.split())
}


def timestamp(at: float | None = None) -> str:
    """A point in time (now, unless told) as the API server writes it."""
    moment = dt.datetime.now(dt.UTC) if at is None else dt.datetime.fromtimestamp(at, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(stamp: str) -> float:
    """The reverse of `timestamp`."""
    return dt.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def dig(obj: Any, path: str, default: Any = None) -> Any:
    """The value at a dotted path; an item of a list is found by its `name` or its index."""
    at = obj
    for step in path.split("."):
        if isinstance(at, dict):
            at = at.get(step)
        elif isinstance(at, list):
            at = _item(at, step)
        else:
            at = None
        if at is None:
            return default
    return at


def _item(items: list[Any], step: str) -> Any:
    named = (i for i in items if isinstance(i, dict) and i.get("name") == step)
    if step.isdigit() and int(step) < len(items):
        return items[int(step)]
    return next(named, None)


_UNITS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def quantity(value: Any) -> float:
    """A resource quantity ("250m", "64Mi") as a number; what cannot be read counts as zero."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(value))
    if not found or found[2] not in _UNITS:
        return 0.0
    return float(found[1]) * _UNITS[found[2]]


def matches(selector: Obj | None, labels: Obj | None) -> bool:
    """Does a LabelSelector accept these labels? An empty selector accepts everything."""
    selector, labels = selector or {}, labels or {}
    wanted = (selector.get("matchLabels") or {}).items()
    return all(labels.get(k) == v for k, v in wanted) and all(
        _expression(e, labels) for e in selector.get("matchExpressions") or []
    )


def _expression(expression: Obj, labels: Obj) -> bool:
    present = expression["key"] in labels
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case other:
            raise ValueError(f"unknown label selector operator {other!r}")


def app_of(pod: Obj) -> str:
    """The program that a pod runs, as its labels say: the key into the software description."""
    labels = dig(pod, "metadata.labels", {})
    return str(labels.get("app") or labels.get("app.kubernetes.io/name") or "")


def condition(obj: Obj, kind: str) -> str:
    """The status ("True", "False", "Unknown", or "" if absent) of one of an object's conditions."""
    return next((str(c["status"]) for c in dig(obj, "status.conditions", []) if c["type"] == kind), "")


def is_ready(obj: Obj) -> bool:
    """A pod or node that is Ready and not being deleted."""
    return not dig(obj, "metadata.deletionTimestamp") and condition(obj, "Ready") == "True"
