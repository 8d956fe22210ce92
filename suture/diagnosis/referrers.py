"""Who points at an object by name: the reason why something that is missing is missed."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import items, text
from suture.diagnosis.owners import climb
from suture.diagnosis.pods import is_live
from suture.diagnosis.references import references
from suture.diagnosis.workload import pod_template
from suture.domain.snapshot import Manifest, Snapshot, ref_of
from suture.domain.target import ObjectRef

_WITH_TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Pod")


def referrers(snapshot: Snapshot, ref: ObjectRef) -> list[ObjectRef]:
    """The objects that name this one, without repetition, in a stable order."""
    return sorted({*_templates(snapshot, ref), *_scalers(snapshot, ref), *_routes(snapshot, ref)}, key=str)


def _templates(snapshot: Snapshot, ref: ObjectRef) -> Iterator[ObjectRef]:
    for kind in _WITH_TEMPLATES:
        for holder in snapshot.all(kind, ref.namespace):
            if kind == "Pod" and not is_live(holder):
                continue
            if any((r.kind, r.name) == (ref.kind, ref.name) for r in references(pod_template(holder))):
                yield climb(snapshot, ref_of(holder))


def _scalers(snapshot: Snapshot, ref: ObjectRef) -> Iterator[ObjectRef]:
    for scaler in snapshot.all("HorizontalPodAutoscaler", ref.namespace):
        if _scales(scaler, ref):
            yield ref_of(scaler)


def _routes(snapshot: Snapshot, ref: ObjectRef) -> Iterator[ObjectRef]:
    if ref.kind != "Service":
        return
    for workload in snapshot.all("StatefulSet", ref.namespace):
        if text(workload, "spec.serviceName") == ref.name:
            yield ref_of(workload)
    for ingress in snapshot.all("Ingress", ref.namespace):
        backends = [
            text(p, "backend.service.name")
            for r in items(ingress, "spec.rules")
            for p in items(r, "http.paths")
        ]
        if ref.name in (*backends, text(ingress, "spec.defaultBackend.service.name")):
            yield ref_of(ingress)


def _scales(scaler: Manifest, ref: ObjectRef) -> bool:
    return (text(scaler, "spec.scaleTargetRef.kind"), text(scaler, "spec.scaleTargetRef.name")) == (
        ref.kind,
        ref.name,
    )


def autoscaler_of(snapshot: Snapshot, ref: ObjectRef) -> Manifest | None:
    """The autoscaler of a workload, if it has one."""
    scalers = snapshot.all("HorizontalPodAutoscaler", ref.namespace)
    return next((s for s in scalers if _scales(s, ref)), None)
