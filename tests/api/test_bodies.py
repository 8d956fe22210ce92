"""Every input is answered with 2xx or 4xx and a reason, whatever it is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suture.api.app import create_app
from suture.telemetry.metrics import Metrics
from tests.api.conftest import ALERT, DEPLOYMENT, serving, settings_of, webhook
from tests.ingest.recording import RecordingIncidents, by_labels

PATHS = ("/v1/alerts/alertmanager", "/v1/incidents")
JSON = {"content-type": "application/json"}
NESTED = b'{"a":' * 60_000 + b"1" + b"}" * 60_000
BAD = {
    "empty": b"",
    "not JSON": b"{",
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "invalid UTF-8": b'{"summary": "\xff"}',
    "UTF-16": '{"summary": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"summary": "x"}',
    "NaN": b'{"summary": NaN}',
    "infinity": b'{"summary": -Infinity}',
    "a huge float": b'{"summary": 1e999}',
    "a huge integer": b'{"truncatedAlerts": ' + b"9" * 5000 + b"}",
    "a large integer": b'{"truncatedAlerts": 99999999999999999999999, "alerts": [{}]}',
    "deep objects": NESTED,
    "deep lists": b"[" * 100_000,
    "a name twice": b'{"summary": "x", "summary": "y"}',
    "a name twice, inside": b'{"labels": {"a": "1", "a": "2"}}',
    "a NUL": b'{"labels": {"a": "\\u0000"}}',
    "a NUL in a name": b'{"labels": {"\\u0000": "a"}}',
    "a raw NUL": b'{"labels": {"a": "\0"}}',
    "half a surrogate": b'{"labels": {"a": "\\ud800"}}',
    "nothing": b"{}",
    "wrong types": b'{"labels": [], "alerts": {}, "target": 3}',
    "no alerts": b'{"alerts": []}',
    "wrong status": b'{"alerts": [{"status": "burning"}], "labels": {"a": "b"}, "status": "burning"}',
    "wrong time": b'{"alerts": [{"startsAt": "yesterday"}], "labels": {"a": "b"}, "starts_at": "now"}',
    "a time out of range": b'{"alerts": [{"startsAt": 1e300}], "labels": {"a": "b"}, "starts_at": 1e300}',
}


@pytest.fixture
async def wide(incidents: RecordingIncidents) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(settings_of(), incidents) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
async def test_bad_bodies_are_refused_with_a_reason(
    wide: httpx2.AsyncClient, incidents: RecordingIncidents, path: str, body: bytes
) -> None:
    answer = await wide.post(path, content=body, headers=JSON)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == {"error", "what_to_do"}
    assert incidents.reported == []


async def test_what_was_sent_is_not_said_again(client: httpx2.AsyncClient) -> None:
    secret = "hunter2-hunter2"
    for body in (
        {"severity": {"password": secret}},
        {"status": secret, "labels": {"a": "b"}},
        {"target": secret},
        {"labels": {"a": "b"}, "starts_at": secret},
        {"labels": {"a": "b"}, "source": f"{secret}!"},
    ):
        answer = await client.post("/v1/incidents", json=body)
        assert answer.status_code == 422
        assert secret not in answer.text
    answer = await client.post("/v1/incidents", content=f'{{"a": {secret}'.encode(), headers=JSON)
    assert answer.status_code == 400
    assert secret not in answer.text


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "",
    ],
)
async def test_only_json_is_taken(client: httpx2.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/v1/incidents", content=json.dumps(DEPLOYMENT), headers={"content-type": kind}
    )
    assert answer.status_code == 415


async def test_compressed_bodies_are_refused_before_they_are_read(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/incidents", content=b"x", headers={**JSON, "content-encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_declared_in_several_ways(client: httpx2.AsyncClient, kind: str) -> None:
    answer = await client.post(
        "/v1/incidents", content=json.dumps(DEPLOYMENT), headers={"content-type": kind}
    )
    assert answer.status_code == 202


async def test_large_bodies_are_refused_by_their_length(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/incidents", content=b"x" * 10_001, headers=JSON)
    assert answer.status_code == 413
    assert "max_alerts" in answer.json()["what_to_do"]


async def test_a_body_without_a_length_is_read_no_further_than_the_limit(client: httpx2.AsyncClient) -> None:
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 1_000_000:
            given += 1000
            yield b"x" * 1000

    answer = await client.post("/v1/incidents", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert given <= 12_000


async def test_more_alerts_than_a_post_may_have_are_refused(wide: httpx2.AsyncClient) -> None:
    answer = await wide.post(
        "/v1/alerts/alertmanager", json=webhook(*[{"labels": {"a": str(i)}} for i in range(1001)])
    )
    assert answer.status_code == 422
    assert "alerts" in answer.json()["error"]


async def test_long_texts_are_cut_and_not_lost(
    wide: httpx2.AsyncClient, incidents: RecordingIncidents
) -> None:
    labels = {**{f"label{i}": "x" * 5000 for i in range(100)}, "alertname": "A" * 2000, "namespace": "shop"}
    alert = {**ALERT, "labels": labels, "annotations": {"summary": "token=a " * 2000}}
    answer = await wide.post("/v1/alerts/alertmanager", json=webhook(alert))
    assert answer.status_code == 202
    (report,) = incidents.reports
    again = type(report).model_validate_json(report.model_dump_json())
    assert (len(again.reason), len(again.summary), len(again.labels)) == (256, 4096, 64)
    assert again.labels["namespace"] == "shop"
    assert "token=a" not in again.summary


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("target", "labels", "status", "severity", "reason", "summary", "fingerprint", "source", "starts_at")
ALERT_FIELDS = ("status", "labels", "annotations", "startsAt", "fingerprint")
texts = st.dictionaries(
    st.sampled_from(["alertname", "namespace", "pod", "node", "severity"]) | st.text(), st.text()
)
alerts = st.fixed_dictionaries({}, optional={f: values | texts for f in ALERT_FIELDS})
posts = st.one_of(
    st.fixed_dictionaries({}, optional={f: values | texts for f in FIELDS}),
    st.fixed_dictionaries({"alerts": st.lists(alerts, max_size=3)}, optional={"version": values}),
    values,
)
bodies = st.one_of(
    st.binary(max_size=200),
    posts.map(lambda v: json.dumps(v).encode()),
    posts.map(lambda v: repr(v).encode("utf-8", "replace")),
)


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(path=st.sampled_from(PATHS), body=bodies)
def test_no_body_whatsoever_is_an_error_of_ours(path: str, body: bytes) -> None:
    answer = LOOP.run(ask(path, body))
    assert answer.status_code in (202, 400, 422), answer.text
    if answer.status_code != 202:
        assert answer.json()["error"]
        assert answer.json()["what_to_do"]


APP = create_app(settings_of(), RecordingIncidents(), by_labels, metrics=Metrics())
LOOP = asyncio.Runner()


async def ask(path: str, body: bytes) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=APP, client=("127.0.0.1", 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post(path, content=body, headers=JSON)
