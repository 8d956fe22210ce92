"""Would a connection from a client to `service:port` be answered, whichever backend it meets?

Follows the path a packet takes: the name must resolve for the client, the service must have that port, every
backend it may pick must be ready and listen on the target port, and network policies must let it pass.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.objects import Obj, app_of, dig, is_ready, matches
from lab.world import World

CLUSTER_DNS = "10.96.0.10"
_POD_RANGES = ("0.0.0.0/0", "10.0.0.0/8")


def reach(world: World, namespace: str, clients: Iterable[Obj], target: str) -> bool:
    """True if every client (none = somebody outside, who needs only a working service) gets an answer."""
    host, _, port = target.partition(":")
    name, home = _service_name(host, namespace)
    service = world.get("Service", home, name)
    exposed = next((p for p in dig(service, "spec.ports", []) if p["port"] == int(port)), None)
    if service is None or exposed is None or not dig(service, "spec.selector"):
        return False
    backends = _backends(world, home, service)
    ports = {_name(b): target_port(service, exposed, b) for b in backends}
    if not backends or not all(listens(world, b, ports[_name(b)]) for b in backends):
        return False
    return all(_connects(world, client, host, service, backends, ports) for client in clients)


def _service_name(host: str, namespace: str) -> tuple[str, str]:
    parts = host.split(".")
    return parts[0], parts[1] if len(parts) > 1 else namespace


def _name(pod: Obj) -> str:
    return str(pod["metadata"]["name"])


def _backends(world: World, namespace: str, service: Obj) -> list[Obj]:
    selector = {"matchLabels": service["spec"]["selector"]}
    return [
        p for p in world.pods(namespace) if is_ready(p) and matches(selector, p["metadata"].get("labels"))
    ]


def target_port(service: Obj, exposed: Obj, backend: Obj) -> int | None:
    """The port on which a service meets this backend; a headless service does no translation."""
    if service["spec"].get("clusterIP") == "None":
        return int(exposed["port"])
    return numbered(exposed.get("targetPort", exposed["port"]), backend["spec"]["containers"])


def numbered(port: int | str | None, containers: list[Obj]) -> int | None:
    """A port by number or by the name that a container gave it."""
    if not isinstance(port, str):
        return port
    declared = (p for c in containers for p in c.get("ports") or [])
    return next((int(p["containerPort"]) for p in declared if p.get("name") == port), None)


def listens(world: World, pod: Obj, port: int | None) -> bool:
    """Does the software of this pod listen there? Undescribed software listens wherever it says."""
    program = world.program(pod["metadata"].get("namespace", ""), app_of(pod))
    if not program:
        declared = [p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or []]
        return port is not None and port in declared
    return port in (program.get("listen") or [])


def _connects(
    world: World, client: Obj, host: str, service: Obj, backends: list[Obj], ports: dict[str, int | None]
) -> bool:
    if not resolves(client["spec"], host, service):
        return False
    if service["spec"].get("internalTrafficPolicy") == "Local":
        here = client["spec"].get("nodeName")
        backends = [b for b in backends if b["spec"].get("nodeName") == here]
    return bool(backends) and all(allowed(world, client, b, ports[_name(b)] or 0) for b in backends)


def resolves(spec: Obj, host: str, service: Obj) -> bool:
    """Does the name of the service lead this client to the service?"""
    for alias in spec.get("hostAliases") or []:
        if host in alias.get("hostnames", []) and alias["ip"] != service["spec"].get("clusterIP"):
            return False
    match spec.get("dnsPolicy", "ClusterFirst"):
        case "Default":
            return False
        case "ClusterFirst":
            return not spec.get("hostNetwork")
        case "None":
            return CLUSTER_DNS in dig(spec, "dnsConfig.nameservers", [])
    return True


def allowed(world: World, source: Obj, target: Obj, port: int) -> bool:
    """Do the network policies on both ends let this connection pass?"""
    return _passes(world, "Ingress", "from", target, source, target, port) and _passes(
        world, "Egress", "to", source, target, target, port
    )


def _passes(world: World, direction: str, peers: str, own: Obj, peer: Obj, target: Obj, port: int) -> bool:
    """A pod that no policy selects is open; one that is selected needs a rule that fits."""
    namespace = own["metadata"].get("namespace", "")
    policies = [
        p["spec"]
        for p in world.all("NetworkPolicy", namespace)
        if direction in (p["spec"].get("policyTypes") or ["Ingress"])
        and matches(p["spec"].get("podSelector"), own["metadata"].get("labels"))
    ]
    rules = [rule for policy in policies for rule in policy.get(direction.lower()) or []]
    return not policies or any(
        _port_fits(rule, target, port) and _peer_fits(world, namespace, rule.get(peers), peer)
        for rule in rules
    )


def _port_fits(rule: Obj, target: Obj, port: int) -> bool:
    if not rule.get("ports"):
        return True
    for entry in rule["ports"]:
        first = numbered(entry.get("port"), target["spec"]["containers"])
        if first is None and entry.get("port") is None:
            return True
        if first is not None and first <= port <= entry.get("endPort", first):
            return True
    return False


def _peer_fits(world: World, namespace: str, peers: list[Obj] | None, pod: Obj) -> bool:
    return not peers or any(_is_peer(world, namespace, peer, pod) for peer in peers)


def _is_peer(world: World, namespace: str, peer: Obj, pod: Obj) -> bool:
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"] in _POD_RANGES
    home = pod["metadata"].get("namespace", "")
    if "namespaceSelector" in peer:
        space = world.get("Namespace", "", home)
        if not matches(peer["namespaceSelector"], dig(space, "metadata.labels")):
            return False
    elif home != namespace:
        return False
    return matches(peer.get("podSelector"), pod["metadata"].get("labels"))
