"""Services, Ingresses, network policies and calls."""

from __future__ import annotations

from typing import Any

import pytest

from suture.diagnosis.graph.addresses import addresses
from suture.domain.snapshot import Manifest
from tests.graph.objects import edges, graph, ref, thing, web

WEB = web(
    labels={"app": "web", "tier": "front"}, container={"ports": [{"name": "http", "containerPort": 8080}]}
)


def service(
    called: str = "front", selector: Any = None, labels: dict[str, str] | None = None, **port: Any
) -> Manifest:
    return thing(f"Service/{called}", labels, spec={"selector": selector, "ports": [{"port": 80, **port}]})


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"app": "web"}, True),
        ({"app": "web", "tier": "front"}, True),
        ({"app": "web", "tier": "back"}, False),
        ({}, False),  # endpoints by hand
        (None, False),
        ({"app": 1}, False),
    ],
)
def test_services_select(selector: Any, selected: bool) -> None:
    assert ("Service/front selects Deployment/web" in edges(WEB, service(selector=selector))) is selected


@pytest.mark.parametrize(
    ("made", "should", "broken"),
    [
        (service(selector={"app": "web", "tier": "back"}), True, True),  # one label of two differs
        (service("web", selector={"app": "wbe"}), True, True),  # bears the workload's name
        (service(selector={"app": "wbe"}, labels={"app": "web"}), True, True),  # its own label fits
        (service(selector={"app": "wbe"}), False, False),
        (service("web", selector={"app": "other"}), True, False),  # the name fits, but it has other pods
        (service(selector={"app": "other", "tier": "front"}), False, False),
        (service("front", selector={}), False, False),
    ],
)
def test_services_that_should_select(made: Manifest, should: bool, broken: bool) -> None:
    other = web("Deployment/other", labels={"app": "other", "tier": "front"})
    found = edges(WEB, other, made)
    edge = found.get(f"Service/{made['metadata']['name']} should select Deployment/web")
    assert (edge is not None) is should
    assert edge is None or edge.broken is broken


def test_a_service_of_another_namespace_selects_nothing_here() -> None:
    elsewhere = thing("Service/bank/front", spec={"selector": {"app": "web"}})
    assert not [told for told in edges(WEB, elsewhere) if "select" in told]


@pytest.mark.parametrize(
    ("target", "broken", "noted"),
    [
        ("http", False, False),
        ("https", True, True),
        (8080, False, False),
        ("8080", False, False),
        (9090, False, True),
    ],
)
def test_target_ports(target: Any, broken: bool, noted: bool) -> None:
    edge = edges(WEB, service(selector={"app": "web"}, targetPort=target))[
        "Service/front selects Deployment/web"
    ]
    assert (edge.broken, bool(edge.note)) == (broken, noted)


def test_endpoints_by_hand_and_aliases() -> None:
    marks = {"kubernetes.io/service-name": "front"}
    by_hand = thing("EndpointSlice/mine", marks)
    kept = thing(
        "EndpointSlice/its",
        marks | {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
    )
    alias = thing(
        "Service/alias", spec={"type": "ExternalName", "externalName": "front.shop.svc.cluster.local"}
    )
    outside = thing("Service/outside", spec={"type": "ExternalName", "externalName": "db.example.com"})
    found = edges(service(), by_hand, kept, alias, outside)
    assert set(found) == {"Service/front leads to EndpointSlice/mine", "Service/alias leads to Service/front"}


def ingress(*names: str, **spec: Any) -> Manifest:
    paths = [{"path": f"/{n}", "backend": {"service": {"name": n, "port": {"number": 80}}}} for n in names]
    return thing("Ingress/edge", spec={"rules": [{"host": "a.example", "http": {"paths": paths}}], **spec})


def test_ingresses_route_to_services_and_their_ports() -> None:
    found = edges(
        service("front"),
        service("wrong", name="x") | {"spec": {"ports": [{"port": 81}]}},
        ingress("front", "wrong", "lost"),
    )
    assert found["Ingress/edge routes to Service/front"].ok
    assert found["Ingress/edge routes to Service/wrong"].broken
    assert not found["Ingress/edge routes to Service/lost"].exists


def test_ingress_default_backend_class_and_certificate() -> None:
    default = {"service": {"name": "front", "port": {"name": "web"}}}
    edge = ingress(defaultBackend=default, ingressClassName="nginx", tls=[{"secretName": "cert"}])
    found = edges(edge, service("front", name="web"), thing("IngressClass/nginx"), thing("Secret/cert"))
    assert found["Ingress/edge routes to Service/front"].ok
    assert found["Ingress/edge needs IngressClass/nginx"].ok
    assert found["Ingress/edge reads Secret/cert"].ok
    assert not edges(edge, thing("IngressClass/other"))["Ingress/edge needs IngressClass/nginx"].exists


def test_the_default_ingress_class() -> None:
    default = thing("IngressClass/nginx")
    default["metadata"]["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    assert "Ingress/edge needs IngressClass/nginx" in edges(ingress(), default)
    assert "Ingress/edge needs IngressClass/nginx" not in edges(ingress(), thing("IngressClass/nginx"))


def policy(pods: Any, **spec: Any) -> Manifest:
    return thing("NetworkPolicy/wall", spec={"podSelector": pods, **spec})


@pytest.mark.parametrize(
    ("pods", "isolated"),
    [
        ({}, True),
        (None, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "api"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}],
            },
            False,
        ),
    ],
)
def test_policies_isolate(pods: Any, isolated: bool) -> None:
    assert ("NetworkPolicy/wall isolates Deployment/web" in edges(WEB, policy(pods))) is isolated


@pytest.mark.parametrize(
    ("peer", "near", "far"),
    [
        ({"podSelector": {"matchLabels": {"app": "web"}}}, True, False),
        ({"podSelector": {}}, True, False),
        ({"namespaceSelector": {}}, True, True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, False, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}, True, False),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "none"}}}, False, False),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, False, False),
    ],
)
def test_policies_name_peers(peer: Any, near: bool, far: bool) -> None:
    other = web("Deployment/bank/web", labels={"app": "web"})
    names = [thing("Namespace/shop"), thing("Namespace/bank", {"team": "b"})]
    for field, rule, told in (("ingress", "from", "lets in"), ("egress", "to", "lets out to")):
        wall = policy({"matchLabels": {"app": "db"}}, **{field: [{rule: [peer]}]})
        found = edges(WEB, other, wall, *names)
        assert (f"NetworkPolicy/wall {told} Deployment/web" in found) is near
        assert (f"NetworkPolicy/wall {told} Deployment/bank/web" in found) is far


@pytest.mark.parametrize(
    ("key", "value", "called"),
    [
        ("ORDERS", "orders:80", "Service/orders"),
        ("URL", "http://orders/v1", "Service/orders"),
        ("URL", "http://orders:80/v1?a=b", "Service/orders"),
        ("URL", "amqp://me:secret@orders:80/", "Service/orders"),
        ("ORDERS_HOST", "orders", "Service/orders"),
        ("BROKERS", "x.example.com:80, orders:80", "Service/orders"),
        ("X", "orders.shop", "Service/orders"),
        ("X", "orders.shop.svc:80", "Service/orders"),
        ("X", "tcp://orders.shop.svc.cluster.local:80", "Service/orders"),
        ("X", "orders-0.orders.shop.svc", "Service/orders"),
        ("X", "orders-0.orders", "Service/orders"),
        ("MODE", "orders", None),  # a word, no address
        ("X", "reorders:80", None),
        ("X", "http://orders.example.com/", None),
        ("X", "/orders:80", None),
        ("X", "me@orders:80", None),
    ],
)  # fmt: skip
def test_calls_by_environment(key: str, value: str, called: str | None) -> None:
    found = edges(web(container={"env": [{"name": key, "value": value}]}), service("orders"))
    assert [told.partition(" calls ")[2] for told in found if " calls " in told] == (
        [called] if called else []
    )


@pytest.mark.parametrize(
    ("key", "value", "certain"),
    [
        ("ORDERS_URL", "orders:80", True),
        ("X", "http://orders:8080", True),
        ("X", "orders.shop.svc", True),
        ("IMAGE", "orders:80", False),
        ("X", "http://orders", False),
        ("X", "localhost:80", False),
        ("X", "12:30", False),
    ],
)
def test_a_service_that_is_not_there_is_missed_only_by_certain_addresses(
    key: str, value: str, certain: bool
) -> None:
    calls = [
        e
        for e in edges(web(container={"env": [{"name": key, "value": value}]})).values()
        if e.relation == "calls"
    ]
    assert [e.exists for e in calls] == ([False] if certain else [])


def test_calls_by_arguments_and_config_maps() -> None:
    config = thing(
        "ConfigMap/conf", data={"app.yaml": "upstream: orders:80\nother: billing:80\n", "x": "stock:80"}
    )
    volume = {"name": "v", "configMap": {"name": "conf", "items": [{"key": "app.yaml", "path": "a"}]}}
    caller = web(volumes=[volume], container={"args": ["--db-host=db:80"]})
    others = [service(n) for n in ("orders", "billing", "stock", "db")]
    found = {told.rpartition("/")[2] for told in edges(caller, config, *others) if " calls " in told}
    assert found == {"orders", "billing", "db"}  # the key x is not mounted


def test_calls_to_a_port_that_the_service_lacks() -> None:
    caller = web(container={"env": [{"name": "A_URL", "value": "orders:81"}]})
    assert edges(caller, service("orders"))["Deployment/web calls Service/orders"].broken
    headless = service("orders") | {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    assert edges(caller, headless)["Deployment/web calls Service/orders"].ok


def test_names_that_pods_resolve_themselves_are_no_services() -> None:
    aliases = [{"ip": "10.0.0.1", "hostnames": ["orders"]}]
    caller = web(hostAliases=aliases, container={"env": [{"name": "A_URL", "value": "http://orders:81"}]})
    assert not [told for told in edges(caller) if " calls " in told]


def test_other_namespaces_that_were_not_read_are_not_missing() -> None:
    caller = web(container={"env": [{"name": "A", "value": "http://api.bank.svc:80"}]})
    names = [thing("Namespace/shop"), thing("Namespace/bank")]
    told = "Deployment/web calls Service/bank/api"
    assert edges(caller, *names, namespace="shop")[told].ok
    assert not edges(caller, names[0], namespace="shop")[told].exists  # no such namespace at all


def test_callers_are_farther_than_ones_own() -> None:
    caller = web(
        container={"env": [{"name": "A", "value": "api:80"}], "envFrom": [{"configMapRef": {"name": "mine"}}]}
    )
    api = web("Deployment/api", container={"envFrom": [{"configMapRef": {"name": "its"}}]})
    found = graph(
        caller, api, service("api", selector={"app": "api"}), thing("ConfigMap/its"), thing("ConfigMap/mine")
    )
    around = found.around(ref("Deployment/web"))
    far = {str(r).replace("/shop", ""): reach.distance for r, reach in around.items()}
    assert (far["ConfigMap/mine"], far["Service/api"], far["Deployment/api"], far["ConfigMap/its"]) == (
        1,
        2,
        3,
        4,
    )
    assert ref("Deployment/web") not in found.around(ref("Deployment/api"))


def test_addresses_end() -> None:
    assert len(list(addresses("X", "a" * 10_000 + " " + "a." * 10_000 + "http://" * 5_000))) < 10_000
