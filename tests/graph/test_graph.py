"""Walking the graph: who influences whom, how far, and in which words."""

from __future__ import annotations

from suture.diagnosis.graph import Edge, Graph
from tests.graph.objects import NS, graph, pod_of, ref, thing, web


def test_an_object_reaches_itself_and_nothing_when_unknown() -> None:
    found = Graph([]).around(ref("ConfigMap/x"))
    assert [(str(r), reach.distance, reach.path) for r, reach in found.items()] == [
        ("ConfigMap/shop/x", 0, ())
    ]
    assert Graph([]).dependents(ref("ConfigMap/x")) == []


def test_one_config_map_of_several_workloads() -> None:
    source = {"envFrom": [{"configMapRef": {"name": "env"}}]}
    workloads = [web(f"Deployment/w{i}", container=source) for i in range(5)]
    found = graph(*workloads, web("Deployment/free"), thing("ConfigMap/env"))
    assert set(found.dependents(ref("ConfigMap/env"))) == {ref(f"Deployment/w{i}") for i in range(5)}
    reach = found.around(ref("Deployment/w1"))[ref("ConfigMap/env")]
    assert (reach.distance, reach.sentence) == (1, "Deployment/shop/w1 reads ConfigMap/shop/env")
    assert ref("Deployment/w2") not in found.around(ref("Deployment/w1"))


def test_the_owners_of_a_nodes_pods() -> None:
    one, two = web("StatefulSet/one"), web("StatefulSet/two")
    pods = [
        pod_of(one, "one-0", nodeName="n1"),
        pod_of(one, "one-1", nodeName="n2"),
        pod_of(two, "two-0", nodeName="n2"),
    ]
    found = graph(one, two, *pods, thing("Node/n1"), thing("Node/n2"))
    assert found.dependents(ref("Node/n1")) == [ref("StatefulSet/one")]
    assert found.dependents(ref("Node/n2")) == [ref("StatefulSet/one"), ref("StatefulSet/two")]
    assert found.around(ref("StatefulSet/two"))[ref("Node/n2")].distance == 2
    assert found.dependents(ref("Pod/one-0")) == [ref("StatefulSet/one")]
    assert found.dependents(ref("StatefulSet/one")) == [ref("StatefulSet/one")]


def test_callers_depend_on_the_called_only_when_asked_for() -> None:
    caller = web(container={"env": [{"name": "A", "value": "api:80"}]})
    api = thing("Service/api", spec={"selector": {"app": "api"}, "ports": [{"port": 80}]})
    found = graph(caller, web("Deployment/api"), api)
    assert found.dependents(ref("Deployment/api")) == [ref("Deployment/api")]
    assert found.dependents(ref("Deployment/api"), calls=True) == [
        ref("Deployment/api"),
        ref("Deployment/web"),
    ]


def test_what_a_service_selects_besides_does_not_concern_a_workload() -> None:
    both = thing("Service/both", spec={"selector": {"team": "a"}})
    mine = web(
        "Deployment/mine", labels={"team": "a"}, container={"envFrom": [{"configMapRef": {"name": "x"}}]}
    )
    found = graph(mine, web("Deployment/other", labels={"team": "a"}), both, thing("ConfigMap/x"))
    assert ref("Deployment/other") not in found.around(ref("Deployment/mine"), depth=9)
    assert ref("Deployment/other") in found.around(ref("Service/both"))
    assert found.dependents(ref("ConfigMap/x")) == [ref("Deployment/mine")]


def test_owners_in_between_and_controllers_that_are_gone() -> None:
    deployment = web()
    middle = thing("ReplicaSet/web-1", spec=deployment["spec"])
    middle["metadata"]["ownerReferences"] = [
        {"controller": True, "kind": "Deployment", "name": "web", "uid": deployment["metadata"]["uid"]}
    ]
    found = graph(deployment, middle, pod_of(middle, "web-1-x"))
    assert found.workloads == {ref("Deployment/web")}
    assert found.dependents(ref("Pod/web-1-x")) == [ref("Deployment/web")]
    orphaned = graph(middle, pod_of(middle, "web-1-x"))
    assert orphaned.workloads == {ref("ReplicaSet/web-1")}


def test_depth_and_order() -> None:
    chain = [Edge(ref(f"ConfigMap/{i}"), ref(f"ConfigMap/{i + 1}"), "reads") for i in range(9)]
    found = Graph(chain).around(ref("ConfigMap/0"), depth=4)
    assert [reach.distance for reach in found.values()] == [0, 1, 2, 3, 4]
    last = found[ref("ConfigMap/4")]
    assert last.sentence.count(";") == 3
    assert last.path == tuple(chain[:4])


def test_one_namespace_of_several() -> None:
    source = {"envFrom": [{"configMapRef": {"name": "env"}}]}
    here, there = web(container=source), web("Deployment/bank/web", container=source)
    found = graph(here, there, thing("Node/n1"), namespace=NS)
    assert found.workloads == {ref("Deployment/web")}
    assert all(e.source.namespace in ("", NS) for e in found.edges)
