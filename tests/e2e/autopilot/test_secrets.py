"""Secrets do not appear: not in Temporal's history or files, the database, logs, traces, answers, or on any page."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator

import pytest
from temporalio.client import Client

from lab.temporal import TemporalDevServer
from tests.e2e.conversation import healed, id_of, waiting
from tests.e2e.installation import Installation, alert
from tests.e2e.shop import GOOD, Shop

pytestmark = [pytest.mark.cluster, pytest.mark.temporal, pytest.mark.slow]
NAME = "vault"
SECRETS = {
    "in a Secret": "zebra-Ahx4aeph-secret",
    "in a Secret's text": "zebra-oom6Eeyu-text",
    "in the environment": "zebra-eiShah7o-environment",
    "in the environment that broke it": "zebra-Quai3wee-new",
    "in an argument": "zebra-uS4aeshi-argument",
    "in a ConfigMap": "zebra-aeN9ahph-config",
    "in an annotation": "zebra-Vohb0aix-annotation",
    "in an event": "zebra-Xee7ieje-event",
    "in an alert's label": "zebra-ieGh1iev-label",
    "in an alert's annotation": "zebra-Ohf5ohna-summary",
    "in a report": "zebra-Ieh2aiqu-report",
    "in the reason of an approval": "zebra-iR6ahtha-reason",
}


def _objects(namespace: str) -> Iterator[dict[str, object]]:
    meta = {"name": NAME, "namespace": namespace}
    encoded = base64.b64encode(SECRETS["in a Secret"].encode()).decode()
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "data": {"key": encoded},
        "stringData": {"text": SECRETS["in a Secret's text"]},
    }
    passwords = {"db.password": SECRETS["in a ConfigMap"]}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": passwords}
    yield {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{NAME}-login", "namespace": namespace},
        "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", **meta},
        "type": "Warning",
        "reason": "LoginFailed",
        "message": f"login failed: password={SECRETS['in an event']}",
    }


@pytest.fixture(scope="module")
async def told(engine: Installation, asking: Shop, client: Client) -> AsyncIterator[list[str]]:
    """A workload full of secrets was broken, approved and healed; all that the engine answered meanwhile."""
    for manifest in _objects(asking.namespace):
        asking.kube.apply(manifest, asking.namespace)
    variable = {"name": "DB_PASSWORD", "value": SECRETS["in the environment"]}
    arguments = [f"--api-token={SECRETS['in an argument']}"]
    from_secret = [{"secretRef": {"name": NAME}}]
    asking.open([NAME], env=[variable], args=arguments, envFrom=from_secret)
    note = {"metadata": {"annotations": {"login": f"password={SECRETS['in an annotation']}"}}}
    asking.kube.patch("Deployment", asking.namespace, NAME, note)
    asking.roll_out(NAME, env=[{**variable, "value": SECRETS["in the environment that broke it"]}])
    fired = alert(NAME, asking.namespace, api_token=SECRETS["in an alert's label"])
    spoken = SECRETS["in an alert's annotation"]
    fired["alerts"][0]["annotations"]["summary"] = f"Authorization: Bearer {spoken}"
    answers = [engine.post("/v1/alerts/alertmanager", fired).text]
    workflow = id_of(asking.namespace, NAME)
    record = await waiting(client, workflow)
    said = f"token={SECRETS['in a report']}"
    reported = engine.cli("report", f"deploy/{NAME}", "-n", asking.namespace, "--summary", said)
    assert reported.returncode == 0, reported.stderr
    reason = f"agreed, token={SECRETS['in the reason of an approval']}"
    approved = engine.cli("approve", record.incident_id, "--reason", reason)
    assert approved.returncode == 0, approved.stderr
    await healed(client, workflow)
    assert asking.image(NAME) == GOOD
    [container] = asking.get(NAME)["spec"]["template"]["spec"]["containers"]
    assert container["env"][0]["value"] == SECRETS["in the environment"]  # the undo put the real value back
    shown = [engine.cli("show", workflow, "--json").stdout, engine.cli("show", workflow).stdout]
    assert all(NAME in text for text in shown)
    yield [*answers, *shown, engine.cli("incidents").stdout, engine.get("/metrics").text, reported.stdout]


def found_in(content: bytes) -> list[str]:
    """Which secrets are in it, in clear or as base64."""
    return [
        where
        for where, secret in SECRETS.items()
        if secret.encode() in content or base64.b64encode(secret.encode()).rstrip(b"=")[:-1] in content
    ]


async def test_not_in_any_answer(told: list[str]) -> None:
    assert [found_in(text.encode()) for text in told] == [[]] * len(told)


async def test_not_in_any_event_of_any_history(told: list[str], client: Client) -> None:
    histories = []
    async for workflow in client.list_workflows():
        handle = client.get_workflow_handle(workflow.id, run_id=workflow.run_id)
        histories.append(b"".join(e.SerializeToString() for e in (await handle.fetch_history()).events))
    everything = b"".join(histories)
    assert b"DB_PASSWORD" in everything or b"undo_rollout" in everything  # it is the history of this story
    assert found_in(everything) == []


async def test_not_in_the_files_of_temporal(told: list[str], server: TemporalDevServer) -> None:
    everything = b"".join(f.read_bytes() for f in server.directory.iterdir() if f.is_file())
    assert NAME.encode() in everything
    assert found_in(everything) == []


async def test_not_in_the_database_the_logs_or_the_traces(told: list[str], engine: Installation) -> None:
    files = [f for f in engine.home.rglob("*") if f.is_file() and f.name != "sealing.key"]
    assert {"memory.db", "up.log"} <= {f.name for f in files}
    assert NAME.encode() in b"".join(f.read_bytes() for f in files)
    assert {f.name: found for f in files if (found := found_in(f.read_bytes()))} == {}
