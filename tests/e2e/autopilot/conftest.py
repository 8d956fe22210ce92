"""One engine on autopilot for all tests here, with a token, traces on its output, and a policy that asks in one namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from temporalio.client import Client

from lab.cluster import LabCluster
from lab.temporal import TemporalDevServer
from tests.e2e.installation import Installation, own_temporal
from tests.e2e.shop import Shop
from worker.connect import connect

ASKS = "asks"  # the namespace in which a person is asked
POLICY = """
version: 1
name: one-namespace-asks
rules:
- {name: asks, when: 'incident.target.namespace == "asks"', effect: require_approval, reason: it is precious}
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalDevServer]:
    with own_temporal(tmp_path_factory.mktemp("temporal-autopilot")) as server:
        yield server


@pytest.fixture(scope="package")
async def client(server: TemporalDevServer) -> AsyncIterator[Client]:
    yield await connect(address=server.address)


@pytest.fixture(scope="package")
def engine(
    lab_cluster: LabCluster, server: TemporalDevServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("autopilot")
    (home / "asks.yaml").write_text(POLICY)
    (home / "token").write_text("a-token-for-the-gateway\n")
    arguments = ["--autopilot", "--policy", str(home / "asks.yaml"), "--token-file", str(home / "token")]
    variables = {"OTEL_TRACES_EXPORTER": "console"}
    engine = Installation(home, server, lab_cluster.engine_kubeconfig, arguments, variables)
    yield engine.start()
    engine.stop()


@pytest.fixture(scope="package")
def make_shop(lab_cluster: LabCluster) -> Iterator[Callable[[str], Shop]]:
    """Makes shops, each once; their namespaces go at the end."""
    made: dict[str, Shop] = {}

    def make(namespace: str) -> Shop:
        return made.setdefault(namespace, made.get(namespace) or Shop(lab_cluster, namespace))

    yield make
    for shop in made.values():
        shop.close()


@pytest.fixture(scope="package")
def shop(make_shop: Callable[[str], Shop]) -> Shop:
    """Where the engine acts by itself."""
    return make_shop("shop")


@pytest.fixture(scope="package")
def asking(make_shop: Callable[[str], Shop]) -> Shop:
    """Where it asks a person."""
    return make_shop(ASKS)
