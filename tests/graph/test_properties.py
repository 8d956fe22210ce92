"""What must hold of any cluster: junk never raises, what is whole has no broken edge, and walks agree with edges."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from suture.diagnosis.graph import Graph, build
from suture.diagnosis.graph.edges import flow_of
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef
from tests.graph.objects import NOW, pod_of, thing, web

FAR = 99
NAMES = st.sampled_from(["a", "b", "c", "d"])
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "a", "x y", "a/b", "http://a.b.svc:1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "key", "kind", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def clusters(draw: st.DrawFn) -> list[Manifest]:
    """Whole ones: everything that is named is there."""
    names = draw(st.lists(NAMES, min_size=1, unique=True))
    objects = [
        thing("Namespace/shop", {"kubernetes.io/metadata.name": "shop"}),
        thing("Node/n1"),
        thing("ServiceAccount/default"),
    ]
    for name in names:
        objects += _application(draw, name, names)
    objects += [thing("ResourceQuota/q"), thing("NetworkPolicy/all", spec={"podSelector": {}})]
    return objects


def _application(draw: st.DrawFn, name: str, names: list[str]) -> list[Manifest]:
    other = st.sampled_from(names)
    container = {
        "ports": [{"name": "http", "containerPort": 80}],
        "env": [{"name": "A_URL", "value": f"http://{draw(other)}:80/"}],
        "envFrom": [{"configMapRef": {"name": draw(other)}}, {"secretRef": {"name": draw(other)}}],
    }
    optional = [{"name": "v", "configMap": {"name": "none", "optional": True}}]
    volumes = draw(
        st.sampled_from([[], optional, [{"name": "v", "persistentVolumeClaim": {"claimName": draw(other)}}]])
    )
    account = draw(st.sampled_from(["", *names]))
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
    workload = web(f"{kind}/{name}", container=container, volumes=volumes, serviceAccountName=account)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "shop"}
    port = draw(st.sampled_from([80, "http", None]))
    target = {"service": {"name": draw(other), "port": {"number": 80}}}
    return [
        workload,
        *(pod_of(workload, f"{name}-{i}", nodeName=draw(st.sampled_from(["", "n1"]))) for i in range(draw(st.integers(0, 2)))),
        thing(f"ConfigMap/{name}", data={"K": f"{draw(other)}:80"}),
        thing(f"Secret/{name}", data={}),
        thing(f"PersistentVolumeClaim/{name}", spec={"volumeName": name}),
        thing(f"PersistentVolume/{name}", spec={"claimRef": {"namespace": "shop", "name": name}}),
        thing(f"ServiceAccount/{name}"),
        thing(f"Role/{name}"),
        thing(f"RoleBinding/{name}", subjects=[subject], roleRef={"kind": "Role", "name": name}),
        thing(f"Service/{name}", spec={"selector": {"app": name}, "ports": [{"port": 80, "targetPort": port}]}),
        thing(f"Ingress/{name}", spec={"defaultBackend": target}),
        thing(f"HorizontalPodAutoscaler/{name}", spec={"scaleTargetRef": {"kind": kind, "name": name}}),
        thing(f"PodDisruptionBudget/{name}", spec={"selector": {"matchLabels": {"app": draw(other)}}}),
        thing(f"ValidatingWebhookConfiguration/{name}", webhooks=[
            {"name": "h", "rules": [{"apiGroups": ["*"], "resources": ["*"]}],
             "clientConfig": {"service": {"namespace": "shop", "name": draw(other)}}}]),
    ]  # fmt: skip


def graph_of(objects: list[Manifest]) -> Graph:
    return build(Snapshot(objects, NOW))


@given(clusters())
@settings(max_examples=60, deadline=None)
def test_a_whole_cluster_has_no_broken_edge(objects: list[Manifest]) -> None:
    assert [f"{e}: {e.note}" for e in graph_of(objects).edges if not e.ok] == []


@given(clusters(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_taken_away_is_missed_by_exactly_those_who_name_it(
    objects: list[Manifest], data: st.DataObject
) -> None:
    lost = data.draw(
        st.sampled_from(
            [o for o in objects if o["kind"] in ("ConfigMap", "Service", "PersistentVolumeClaim")]
        )
    )
    ref = ObjectRef(kind=lost["kind"], namespace="shop", name=lost["metadata"]["name"])
    before = [e for e in graph_of(objects).edges if e.target == ref]
    dangling = [e for e in graph_of([o for o in objects if o is not lost]).edges if not e.exists]
    assert {e.target for e in dangling} <= {ref}
    # an address in a ConfigMap's free text is none unless there is such a Service
    sure = {(e.source, e.relation) for e in before if " of ConfigMap/" not in e.note}
    assert {(e.source, e.relation) for e in dangling} == sure


@given(clusters())
@settings(max_examples=40, deadline=None)
def test_walks_agree_with_edges(objects: list[Manifest]) -> None:
    graph = graph_of(objects)
    known = set(graph.edges)
    for start in graph.workloads:
        around = graph.around(start, FAR)
        distances = [reach.distance for reach in around.values()]
        assert distances == sorted(distances)
        for ref, reach in around.items():
            assert set(reach.path) <= known
            assert reach.distance == sum(flow_of(e.relation).weight for e in reach.path)
            here = start
            for edge in reach.path:
                assert here in (edge.source, edge.target)
                here = edge.target if here == edge.source else edge.source
            assert here == ref


@given(clusters())
@settings(max_examples=40, deadline=None)
def test_dependents_are_those_around_whom_an_object_is(objects: list[Manifest]) -> None:
    graph = graph_of(objects)
    around = {w: graph.around(w, FAR) for w in graph.workloads}
    for ref in {r for e in graph.edges for r in (e.source, e.target)}:
        assert set(graph.dependents(ref, calls=True)) == {
            w for w, reached in around.items() if ref in reached
        }
        assert set(graph.dependents(ref)) <= set(graph.dependents(ref, calls=True))


@given(clusters(), st.data())
@settings(max_examples=150, deadline=None)
def test_junk_never_raises(objects: list[Manifest], data: st.DataObject) -> None:
    broken = copy.deepcopy(objects)
    for _ in range(data.draw(st.integers(1, 4))):
        _spoil(data.draw(st.sampled_from(broken)), data)
    graph = graph_of(broken)
    for ref in list(graph.workloads)[:2]:
        graph.around(ref)
        graph.dependents(ref)


def _spoil(manifest: Manifest, data: st.DataObject) -> None:
    """Put junk somewhere below an object; its kind, name and namespace stay (a snapshot cannot hold it otherwise)."""
    holder: Any = manifest
    kept = {"kind", "metadata"}
    while True:
        keys = [k for k in (holder if isinstance(holder, dict) else range(len(holder))) if k not in kept]
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            holder[key] = data.draw(JUNK)
            return
        holder, kept = inner, set()


@given(
    st.lists(JUNK, max_size=6),
    st.sampled_from(["Pod", "Deployment", "Service", "Node", "RoleBinding", "Ingress"]),
)
def test_bare_junk_never_raises(values: list[Any], kind: str) -> None:
    fields = dict(zip(["spec", "status", "data", "subjects", "roleRef", "webhooks"], values, strict=False))
    made = thing(f"{kind}/x", **fields)
    made["metadata"] |= {"labels": values[0] if values else None, "ownerReferences": values}
    graph_of([made, thing("Service/a"), web()])
