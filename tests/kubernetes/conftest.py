"""A namespace of its own for every test on the lab's control plane."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator

import pytest

from suture.domain.target import ObjectRef
from suture.sealing import Sealer
from suture.targets.kubernetes import Client, KubernetesCluster
from tests.kubernetes.harness import Ledger, WatchedClient, create

KEY = bytes(range(64))


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> str:
    """SUTURE_TEST_KUBECONFIG names a running cluster, to save its start while developing."""
    running = os.environ.get("SUTURE_TEST_KUBECONFIG")
    return running or str(request.getfixturevalue("lab_cluster").kubeconfig)


@pytest.fixture(scope="session")
async def admin(kubeconfig: str) -> AsyncIterator[Client]:
    """A client for the test's own doings."""
    async with await Client.connect(kubeconfig) as client:
        yield client


@pytest.fixture
async def client(kubeconfig: str) -> AsyncIterator[WatchedClient]:
    async with await WatchedClient.connect(kubeconfig) as client:
        yield client


@pytest.fixture
async def namespace(admin: Client) -> AsyncIterator[str]:
    name = f"k8s-{uuid.uuid4().hex[:8]}"
    made = await create(admin, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await admin.delete(ObjectRef(kind="Namespace", name=name), uid=made["metadata"]["uid"])


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(KEY)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def cluster(client: WatchedClient, sealer: Sealer, ledger: Ledger) -> KubernetesCluster:
    return KubernetesCluster("default", client, sealer, ledger)
