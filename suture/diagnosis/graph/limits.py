"""What a namespace and the cluster impose on every pod: quotas, limit ranges, pod security, default priority."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import labels, mapping, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene, Workload
from suture.diagnosis.quantity import parse
from suture.domain.snapshot import Manifest, dig

POD_SECURITY = "pod-security.kubernetes.io/"


def limits(scene: Scene) -> Iterator[Edge]:
    """Of every workload: its namespace and what is set there for all."""
    default = [ref for ref, m in scene.all("PriorityClass") if m.get("globalDefault") is True]
    for workload in scene.each_workload():
        yield from _namespace(scene, workload)
        for ref, quota in scene.all("ResourceQuota", workload.namespace):
            if _in_scope(quota, workload):
                yield Edge(ref, workload.ref, "limits", note=_used_up(quota))
        for ref, _ in scene.all("LimitRange", workload.namespace):
            yield Edge(ref, workload.ref, "limits")
        if not text(workload.template, "spec.priorityClassName"):
            yield from (Edge(workload.ref, ref, "needs", note="the default class") for ref in default)


def _namespace(scene: Scene, workload: Workload) -> Iterator[Edge]:
    manifest = scene.get("Namespace", "", workload.namespace)
    set_to = {
        k.removeprefix(POD_SECURITY): v for k, v in labels(manifest).items() if k.startswith(POD_SECURITY)
    }
    note = ", ".join(f"{k} {set_to[k]}" for k in ("enforce",) if k in set_to)
    ending = text(manifest, "status.phase") == "Terminating"
    for edge in scene.edge(
        workload.ref, "lives in", "Namespace", workload.namespace, note=note and f"pods: {note}"
    ):
        yield (
            Edge(edge.source, edge.target, edge.relation, note="is being deleted", broken=True)
            if ending
            else edge
        )


def _in_scope(quota: Manifest, workload: Workload) -> bool:
    """The scopes that a template decides; the others (best effort) are taken to hold."""
    scopes = dig(quota, "spec.scopes")
    ends = dig(workload.template, "spec.activeDeadlineSeconds") is not None
    if not isinstance(scopes, list):
        return True
    return not (("Terminating" in scopes and not ends) or ("NotTerminating" in scopes and ends))


def _used_up(quota: Manifest) -> str:
    used = mapping(quota, "status.used")
    full = [
        f"{name} {used[name]} of {hard}"
        for name, hard in mapping(quota, "status.hard").items()
        if name in used and (parse(used[name]) or 0.0) >= (parse(hard) or 0.0)
    ]
    return f"used up: {', '.join(full)}" if full else ""
