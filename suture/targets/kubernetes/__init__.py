"""Kubernetes as a target: `Client.connect(...)` and `KubernetesCluster(name, client, sealer, ledger, namespaces)`."""

from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.cluster import KubernetesCluster

__all__ = ["Client", "KubernetesCluster"]
