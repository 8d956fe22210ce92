"""Which connections work: names, services, backends and network policies."""

from __future__ import annotations

from typing import Any

import pytest

from lab.network import reach
from lab.objects import Obj
from tests.lab.builders import NS, pod, policy, service, world

BACKEND = pod("api", {"ports": [{"name": "http", "containerPort": 8080}]})
API = {"listen": [8080]}


def works(*objects: Obj, client: Obj | None = None, target: str = "api:80", listen: Any = None) -> bool:
    described = {"listen": listen} if listen else API
    caller = client or pod("web")
    return reach(world(*objects, caller, api=described), NS, [caller], target)


def test_a_service_leads_to_its_backends() -> None:
    assert works(BACKEND, service("api", 80, "http"))
    assert works(BACKEND, service("api", 80, 8080))
    assert works(BACKEND, service("api", 80, 8080), target=f"api.{NS}:80")


@pytest.mark.parametrize(
    "objects",
    [
        [BACKEND],
        [service("api", 80, 8080)],
        [BACKEND, service("api", 81, 8080)],
        [BACKEND, service("api", 80, 9090)],
        [BACKEND, service("api", 80, "grpc")],
        [BACKEND, service("api", 80, 8080, selector={"app": "other"})],
        [pod("api", ready=False), service("api", 80, 8080)],
    ],
    ids=[
        "no service",
        "no backend",
        "other port",
        "other target",
        "unknown name",
        "wrong selector",
        "not ready",
    ],
)
def test_what_breaks_a_service(objects: list[Obj]) -> None:
    assert not works(*objects)


def test_one_backend_that_does_not_listen_is_enough_to_fail() -> None:
    stranger = pod("sidecar")
    stranger["metadata"]["labels"]["tier"] = BACKEND["metadata"]["labels"]["tier"] = "back"
    assert not works(BACKEND, stranger, service("api", 80, 8080, selector={"tier": "back"}))


def test_a_headless_service_translates_no_port() -> None:
    assert not works(BACKEND, service("api", 80, 8080, clusterIP="None"))
    assert works(BACKEND, service("api", 8080, 9999, clusterIP="None"), target="api:8080")


def test_undescribed_software_listens_where_it_says() -> None:
    here = world(BACKEND, service("api", 80, 8080))
    assert reach(here, NS, [], "api:80")


@pytest.mark.parametrize(
    ("spec", "reached"),
    [
        ({"dnsPolicy": "Default"}, False),
        ({"hostNetwork": True}, False),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, True),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["8.8.8.8"]}}, False),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.96.0.10"]}}, True),
        ({"hostAliases": [{"ip": "10.9.9.9", "hostnames": ["api"]}]}, False),
        ({"hostAliases": [{"ip": "10.96.1.1", "hostnames": ["api"]}]}, True),
    ],
)
def test_the_name_must_resolve_for_the_client(spec: dict[str, Any], reached: bool) -> None:
    assert works(BACKEND, service("api", 80, 8080), client=pod("web", **spec)) is reached


def test_local_traffic_needs_a_backend_on_the_same_node() -> None:
    local = service("api", 80, 8080, internalTrafficPolicy="Local")
    assert works(BACKEND, local)
    assert not works(BACKEND, local, client=pod("web", nodeName="node-2"))


OPEN = service("api", 80, 8080)
FROM_WEB = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}


@pytest.mark.parametrize(
    ("rules", "reached"),
    [
        ({"policyTypes": ["Ingress"]}, False),
        ({"policyTypes": ["Ingress"], "ingress": [{}]}, True),
        ({"ingress": [FROM_WEB]}, True),
        ({"ingress": [{**FROM_WEB, "ports": [{"port": 8080}]}]}, True),
        ({"ingress": [{**FROM_WEB, "ports": [{"port": "http"}]}]}, True),
        ({"ingress": [{**FROM_WEB, "ports": [{"port": 8000, "endPort": 8100}]}]}, True),
        ({"ingress": [{**FROM_WEB, "ports": [{"port": 80}]}]}, False),
        ({"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]}, False),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, True),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "192.168.0.0/16"}}]}]}, False),
        ({"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}]}, True),
        ({"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}]}, False),
        ({"policyTypes": ["Egress"]}, True),
    ],
)
def test_policies_on_the_way_in(rules: dict[str, Any], reached: bool) -> None:
    space = {"kind": "Namespace", "metadata": {"name": NS, "labels": {"team": "a"}}}
    assert works(BACKEND, OPEN, space, policy("guard", "api", **rules)) is reached


def test_policies_on_the_way_out() -> None:
    shut = policy("shut", "web", policyTypes=["Egress"])
    to_api = {"to": [{"podSelector": {"matchLabels": {"app": "api"}}}]}
    assert not works(BACKEND, OPEN, shut)
    assert works(BACKEND, OPEN, policy("door", "web", policyTypes=["Egress"], egress=[to_api]), shut)
