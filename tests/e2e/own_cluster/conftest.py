"""One engine as on a user's cluster: the account and rights of deploy/rbac.yaml, PostgreSQL as memory, no autopilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from tests.e2e.installation import SOURCE, Installation, own_temporal
from tests.e2e.shop import Shop
from tests.memory.postgres import PostgresServer
from worker.connect import connect

RIGHTS = SOURCE / "deploy" / "rbac.yaml"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalDevServer]:
    with own_temporal(tmp_path_factory.mktemp("temporal-own")) as server:
        yield server


@pytest.fixture(scope="package")
async def client(server: TemporalDevServer) -> AsyncIterator[Client]:
    yield await connect(address=server.address)


@pytest.fixture(scope="package")
def postgres() -> Iterator[PostgresServer]:
    if not PostgresServer.installed():
        pytest.skip("PostgreSQL is not installed: run `make system`")
    server = PostgresServer().start()
    yield server
    server.remove()


@pytest.fixture(scope="package")
def account(lab_cluster: LabCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of the service account; its token is made as rbac.yaml says."""
    kube = lab_cluster.kube()
    documents = [d for d in yaml.safe_load_all(RIGHTS.read_text()) if d]
    for document in documents:
        kube.apply(document)
    wanted = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    path = "api/v1/namespaces/suture/serviceaccounts/suture/token"
    config = yaml.safe_load(lab_cluster.engine_kubeconfig.read_text())
    config["users"][0]["user"] = {"token": kube.call("POST", path, wanted)["status"]["token"]}
    file = tmp_path_factory.mktemp("account") / "suture.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    yield file
    for document in reversed(documents):
        kube.delete(document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])


@pytest.fixture(scope="package")
def engine(
    account: Path,
    server: TemporalDevServer,
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("own")
    engine = Installation(home, server, account, ["--database", postgres.database()])
    yield engine.start()
    engine.stop()


@pytest.fixture(scope="package")
def shop(lab_cluster: LabCluster) -> Iterator[Shop]:
    shop = Shop(lab_cluster, "own")
    yield shop
    shop.close()
