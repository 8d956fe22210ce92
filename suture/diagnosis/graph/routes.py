"""Ingresses: their class, their certificates and the Services (and ports) that they route to."""

from __future__ import annotations

from collections.abc import Iterator

from suture.diagnosis.fields import annotation, items, mapping, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.scene import Scene
from suture.domain.snapshot import Manifest, dig
from suture.domain.target import ObjectRef

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def routes(scene: Scene) -> Iterator[Edge]:
    """Of every Ingress."""
    for ref, ingress in scene.each("Ingress"):
        yield from _class(scene, ref, ingress)
        for tls in items(ingress, "spec.tls"):
            if name := text(tls, "secretName"):
                yield from scene.edge(ref, "reads", "Secret", name, note="as its certificate")
        for where, backend in _backends(ingress):
            name = text(backend, "service.name")
            for edge in scene.edge(ref, "routes to", "Service", name, note=where):
                yield _checked(scene, edge, backend)


def _class(scene: Scene, ref: ObjectRef, ingress: Manifest) -> Iterator[Edge]:
    name = text(ingress, "spec.ingressClassName")
    if name:
        yield from scene.edge(ref, "needs", "IngressClass", name)
    elif not annotation(ingress, "kubernetes.io/ingress.class"):
        for default, found in scene.all("IngressClass"):
            if annotation(found, DEFAULT_CLASS) == "true":
                yield Edge(ref, default, "needs", note="the default class")


def _backends(ingress: Manifest) -> Iterator[tuple[str, Manifest]]:
    if default := mapping(ingress, "spec.defaultBackend"):
        yield "by default", default
    for rule in items(ingress, "spec.rules"):
        for path in items(rule, "http.paths"):
            yield f"for {text(rule, 'host') or '*'}{text(path, 'path', '/')}", mapping(path, "backend")


def _checked(scene: Scene, edge: Edge, backend: Manifest) -> Edge:
    service = scene.snapshot.find(edge.target)
    wanted = dig(backend, "service.port.name") or dig(backend, "service.port.number")
    if service is None or wanted is None:
        return edge
    if any(wanted in (p.get("name"), p.get("port")) for p in items(service, "spec.ports")):
        return edge
    return Edge(
        edge.source,
        edge.target,
        edge.relation,
        note=f"{edge.note}: the Service has no port {wanted}",
        broken=True,
    )
