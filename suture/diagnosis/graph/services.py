"""Services: what they select, and what they should select when their selector went astray.

A Service that selects nothing is as silent as one that is meant to (external endpoints), so likeness decides: one
label of several differs, or the Service bears the workload's name or labels.
"""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import items, labels, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import misfit, selected
from suture.diagnosis.graph.scene import Scene, Workload, ref_to
from suture.diagnosis.pods import container_specs
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef


def services(scene: Scene) -> Iterator[Edge]:
    """Services and the workloads behind them, and the headless Services that StatefulSets need."""
    for namespace in sorted(scene.namespaces):
        workloads = scene.workloads.get(namespace, [])
        for ref, service in scene.all("Service", namespace):
            yield from _of_service(scene, ref, service, workloads)
        yield from _by_hand(scene, namespace)
    for ref, workload in scene.each("StatefulSet"):
        if name := text(workload, "spec.serviceName"):
            yield from scene.edge(ref, "needs", "Service", name, note="as its headless Service")


def _of_service(scene: Scene, ref: ObjectRef, service: Manifest, workloads: list[Workload]) -> Iterator[Edge]:
    if text(service, "spec.type") == "ExternalName":
        name, _, rest = text(service, "spec.externalName").partition(".")
        namespace, _, suffix = rest.partition(".")
        if suffix == "svc" or suffix.startswith("svc."):
            yield from scene.edge(ref, "leads to", "Service", name, namespace=namespace, note="as an alias")
        return
    selector = labels(service, "spec.selector")
    if not selector:
        return
    behind = [w for w in workloads if selected(selector, w)]
    for workload in behind:
        yield _selects(ref, service, workload)
    if not any(w.ref.name == ref.name for w in behind):
        yield from _should_select(ref, service, selector, workloads, behind)


def _selects(ref: ObjectRef, service: Manifest, workload: Workload) -> Edge:
    lost = [f"{p!r}" for p in _target_ports(service) if isinstance(p, str) and p not in _port_names(workload)]
    if lost:
        return Edge(
            ref, workload.ref, "selects", note=f"no container has a port named {', '.join(lost)}", broken=True
        )
    numbers = _port_numbers(workload)
    other = [str(p) for p in _target_ports(service) if isinstance(p, int) and numbers and p not in numbers]
    return Edge(
        ref, workload.ref, "selects", note=f"no container declares port {', '.join(other)}" if other else ""
    )


def _target_ports(service: Manifest) -> Iterator[int | str]:
    for port in items(service, "spec.ports"):
        target = port.get("targetPort") or port.get("port")
        if isinstance(target, int | str) and not isinstance(target, bool):
            yield int(target) if isinstance(target, str) and target.isdecimal() else target


def _port_names(workload: Workload) -> set[str]:
    found = container_specs(workload.template).values()
    return {text(p, "name") for c in found for p in items(c, "ports")}


def _port_numbers(workload: Workload) -> set[int]:
    found = container_specs(workload.template).values()
    return {n for c in found for p in items(c, "ports") if isinstance(n := dig(p, "containerPort"), int)}


def _should_select(
    ref: ObjectRef,
    service: Manifest,
    selector: dict[str, str],
    workloads: list[Workload],
    behind: list[Workload],
) -> Iterator[Edge]:
    for workload in workloads:
        if workload in behind:
            continue
        lost = misfit(selector, workload.labels)
        same_name = workload.ref.name == ref.name
        if same_name or (
            not behind and (_one_differs(selector, lost) or _bears(ref, service, workload, lost))
        ):
            told = ", ".join(
                f"{k}={selector[k]} but the pods have {workload.labels.get(k, 'none')}" for k in lost
            )
            yield Edge(ref, workload.ref, "should select", note=f"selects {told}", broken=not behind)


def _one_differs(selector: dict[str, str], lost: list[str]) -> bool:
    return len(lost) == 1 and len(selector) > 1


def _bears(ref: ObjectRef, service: Manifest, workload: Workload, lost: list[str]) -> bool:
    """Whether the Service's own name or label says what its selector should."""
    own = labels(service)
    wanted = {workload.labels[k] for k in lost if k in workload.labels}
    return ref.name in wanted or any(own.get(k) == workload.labels.get(k) for k in lost if k in own)


def _by_hand(scene: Scene, namespace: str) -> Iterator[Edge]:
    """Endpoints that no controller keeps: whoever wrote them decides where the Service leads."""
    for ref, endpoints in scene.all("EndpointSlice", namespace):
        having = labels(endpoints)
        name = having.get("kubernetes.io/service-name", "")
        managed = having.get("endpointslice.kubernetes.io/managed-by", "").endswith(".k8s.io")
        service = ref_to("Service", namespace, name)
        if service and not managed and scene.snapshot.find(service):
            yield Edge(service, ref, "leads to", note="endpoints kept by hand")
