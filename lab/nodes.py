"""The objects that a cluster has from the start: nodes, a storage class, an ingress class, metrics."""

from __future__ import annotations

from lab.kube import ApiError, Kube
from lab.kubelet.volumes import PROVISIONER
from lab.layout import ZONES
from lab.objects import Obj

NODES_PER_ZONE = 2
_SIZE = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def node(number: int, kubelet_port: int) -> Obj:
    """node-1 is in zone-a, node-2 in zone-b, node-3 in zone-c, node-4 in zone-a again, and so on."""
    name = f"node-{number}"
    system = {
        "architecture": "amd64",
        "operatingSystem": "linux",
        "kubeletVersion": "v1.36.3",
        "osImage": "Linux",
        "kernelVersion": "6.12",
        "containerRuntimeVersion": "containerd://2.1.0",
        "bootID": "",
        "machineID": "",
        "systemUUID": "",
        "kubeProxyVersion": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": ZONES[(number - 1) % len(ZONES)],
                "node.kubernetes.io/instance-type": "m6.2xlarge",
            },
        },
        "spec": {},
        "status": {
            "capacity": _SIZE,
            "allocatable": _SIZE,
            "nodeInfo": system,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": name},
            ],
        },
    }


def furniture(kubelet_port: int) -> list[Obj]:
    """What is there besides the nodes.

    The metrics API is served by the lab's kubelet. Its service is an external name, because the API server
    accepts no endpoint on a loopback address, and the lab listens nowhere else.
    """
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": PROVISIONER,
            "volumeBindingMode": "Immediate",
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "metrics-server", "namespace": "kube-system"},
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{"name": "https", "port": kubelet_port}],
            },
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": "metrics-server", "namespace": "kube-system", "port": kubelet_port},
            },
        },
    ]


def furnish(kube: Kube, kubelet_port: int) -> None:
    """Create what is missing, and lead what is there to the kubelet's port of this start."""
    for number in range(1, NODES_PER_ZONE * len(ZONES) + 1):
        wanted = node(number, kubelet_port)
        try:
            kube.create(wanted)
        except ApiError as problem:
            if problem.status != 409:
                raise
            endpoint = {"status": {"daemonEndpoints": wanted["status"]["daemonEndpoints"]}}
            kube.patch("Node", None, wanted["metadata"]["name"], endpoint, "strategic", "/status")
    for obj in furniture(kubelet_port):
        kube.apply(obj, manager="lab")
