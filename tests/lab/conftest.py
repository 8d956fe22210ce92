"""The bookshop on the session's cluster, for the tests that need a real control plane."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from lab import apps
from lab.cluster import LabCluster
from lab.kube import Kube
from lab.software import clear_software


@pytest.fixture(scope="session")
def kube(lab_cluster: LabCluster) -> Kube:
    return lab_cluster.kube()


@pytest.fixture(scope="module")
def bookstore(lab_cluster: LabCluster, kube: Kube) -> Iterator[str]:
    """A namespace in which the bookshop is healthy."""
    namespace = f"books-{uuid.uuid4().hex[:6]}"
    apps.deploy(lab_cluster.kubeconfig, "bookstore", namespace)
    apps.wait_healthy(lab_cluster.kubeconfig, namespace)
    yield namespace
    kube.delete("Namespace", None, namespace)
    clear_software(lab_cluster.home, namespace)
