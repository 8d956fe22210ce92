"""Who calls whom, as far as configuration tells: addresses of Services in environment, arguments and ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import items, mapping, text
from suture.diagnosis.graph.addresses import Address, addresses
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene, Workload
from suture.diagnosis.graph.templates import uses
from suture.diagnosis.pods import container_specs
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef

Mention = tuple[str, Address]  # where it stands, what it names


def calls(scene: Scene) -> Iterator[Edge]:
    """Of every workload; a ConfigMap that many read is searched once."""
    searched: dict[ObjectRef, dict[str, list[Address]]] = {}
    for workload in scene.each_workload():
        aliases = _aliases(workload.template)
        told: set[ObjectRef] = set()
        for where, address in [*_own(workload), *_configured(scene, workload, searched)]:
            if address.service in aliases:
                continue
            for edge in _call(scene, workload.ref, where, address):
                if edge.target not in told:
                    told.add(edge.target)
                    yield edge


def _aliases(template: Manifest) -> set[str]:
    """Names that the pods resolve by themselves."""
    lists = (a.get("hostnames") for a in items(template, "spec.hostAliases"))
    return {h for names in lists if isinstance(names, list) for h in names if isinstance(h, str)}


def _own(workload: Workload) -> Iterator[Mention]:
    for container in container_specs(workload.template).values():
        for env in items(container, "env"):
            name = text(env, "name")
            yield from ((name, a) for a in addresses(name, text(env, "value")))
        for field in ("command", "args"):
            words = container.get(field)
            for word in words if isinstance(words, list) else ():
                if isinstance(word, str):
                    flag, _, value = word.rpartition("=")
                    yield from ((field, a) for a in addresses(flag, value))


def _configured(
    scene: Scene, workload: Workload, searched: dict[ObjectRef, dict[str, list[Address]]]
) -> Iterator[Mention]:
    for use in uses(workload.template):
        if use.kind != "ConfigMap":
            continue
        for edge in scene.edge(workload.ref, use.relation, "ConfigMap", use.name):
            if edge.target not in searched:
                searched[edge.target] = _searched(scene.snapshot.find(edge.target))
            for key, found in searched[edge.target].items():
                if not use.keys or key in use.keys:
                    yield from ((f"{key} of {edge.target}", a) for a in found)


def _searched(config: Manifest | None) -> dict[str, list[Address]]:
    data = mapping(config, "data")
    return {k: list(dict.fromkeys(addresses(k, v))) for k, v in data.items() if isinstance(v, str)}


def _call(scene: Scene, caller: ObjectRef, where: str, address: Address) -> Iterator[Edge]:
    """The edge to a Service that is there; to one that is not only if the address is certainly meant as one."""
    namespace = address.namespace or caller.namespace
    service = scene.get("Service", namespace, address.service)
    if service is None and not address.certain:
        return
    for edge in scene.edge(
        caller, "calls", "Service", address.service, namespace=namespace, note=f"by {where}"
    ):
        yield _checked(edge, service, address.port)


def _checked(edge: Edge, service: Manifest | None, port: int) -> Edge:
    """Whether the Service has the port; a headless one has those of its pods."""
    if service is None or not port or dig(service, "spec.clusterIP") == "None":
        return edge
    ports = items(service, "spec.ports")
    if not ports or any(p.get("port") == port for p in ports):
        return edge
    return Edge(
        edge.source,
        edge.target,
        edge.relation,
        note=f"{edge.note}: the Service has no port {port}",
        broken=True,
    )
