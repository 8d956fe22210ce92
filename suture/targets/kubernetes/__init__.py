"""Kubernetes as a target: `KubernetesCluster(name, await Client.connect(), sealer, ledger, namespaces)`."""

from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.cluster import KubernetesCluster

__all__ = ["Client", "KubernetesCluster"]
