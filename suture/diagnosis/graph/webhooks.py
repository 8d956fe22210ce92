"""Admission webhooks: those whose rules and selectors match a workload or the pods that it makes.

Conditions in CEL (matchConditions) are not evaluated; such an edge says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from suture.diagnosis.fields import items, labels, mapping, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import matches, namespace_labels
from suture.diagnosis.graph.scene import Scene, Workload
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef

KINDS: Final = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_RESOURCES: Final = {
    "Pod": ("", "pods"),
    "ReplicationController": ("", "replicationcontrollers"),
    "Deployment": ("apps", "deployments"),
    "StatefulSet": ("apps", "statefulsets"),
    "DaemonSet": ("apps", "daemonsets"),
    "ReplicaSet": ("apps", "replicasets"),
    "Job": ("batch", "jobs"),
    "CronJob": ("batch", "cronjobs"),
}


def webhooks(scene: Scene) -> Iterator[Edge]:
    """Of every configuration: whom it admits, and which Service answers for it."""
    for kind in KINDS:
        for ref, configuration in scene.all(kind):
            for hook in items(configuration, "webhooks"):
                yield from _of_hook(scene, ref, hook)


def _of_hook(scene: Scene, ref: ObjectRef, hook: Manifest) -> Iterator[Edge]:
    service = mapping(hook, "clientConfig.service")
    if name := text(service, "name"):
        namespace = text(service, "namespace")
        yield from scene.edge(
            ref, "needs", "Service", name, namespace=namespace, note=f"for {text(hook, 'name')}"
        )
    for namespace, workloads in scene.workloads.items():
        if matches(dig(hook, "namespaceSelector"), namespace_labels(scene, namespace), absent=True):
            for workload in workloads:
                if what := _admitted(hook, workload):
                    yield Edge(ref, workload.ref, "admits", note=_told(hook, what))


def _admitted(hook: Manifest, workload: Workload) -> list[str]:
    """What of the workload passes the webhook: its pods, itself, or both."""
    selector = dig(hook, "objectSelector")
    about_pods = _rules_for(hook, "Pod") and matches(selector, workload.labels, absent=True)
    own = labels(workload.manifest)
    about_itself = _rules_for(hook, workload.ref.kind) and matches(selector, own, absent=True)
    both = (about_pods, "pods"), (about_itself and workload.ref.kind != "Pod", workload.ref.kind)
    return [what for holds, what in both if holds]


def _rules_for(hook: Manifest, kind: str) -> bool:
    return any(_is_about(rule, kind) for rule in items(hook, "rules"))


def _is_about(rule: Manifest, kind: str) -> bool:
    group, plural = _RESOURCES[kind]
    if text(rule, "scope", "*") == "Cluster":
        return False
    wanted = _words(rule, "resources")
    return _any(_words(rule, "apiGroups"), group) and bool({plural, "*", "*/*"} & set(wanted))


def _words(rule: Manifest, field: str) -> list[Any]:
    found = rule.get(field)
    return [w for w in found if isinstance(w, str)] if isinstance(found, list) else []


def _any(words: list[Any], word: str) -> bool:
    return word in words or "*" in words


def _told(hook: Manifest, what: list[str]) -> str:
    policy = text(hook, "failurePolicy", "Fail")
    perhaps = ", on conditions" if items(hook, "matchConditions") else ""
    return f"{' and '.join(what)} by {text(hook, 'name')} (on failure: {policy}){perhaps}"
