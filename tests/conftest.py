"""Real servers for the tests, started once a session: the Temporal dev server and the lab's Kubernetes control plane."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from suture.domain.visibility import SearchAttribute
from worker.connect import connect


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalDevServer]:
    server = TemporalDevServer(
        tmp_path_factory.mktemp("temporal"), search_attributes={str(a): "Keyword" for a in SearchAttribute}
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def temporal(temporal_server: TemporalDevServer) -> AsyncIterator[Client]:
    yield await connect(address=temporal_server.address)


@pytest.fixture(scope="session")
def cluster_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="session")
def lab_cluster(cluster_dir: Path) -> Iterator[LabCluster]:
    """A real control plane with the lab's kubelet."""
    cluster = LabCluster(cluster_dir)
    cluster.up(fresh=True)
    yield cluster
    cluster.down()
