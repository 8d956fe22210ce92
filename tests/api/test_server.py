"""The gateway as a server: its port, its end, and what only a socket can do to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from suture.api.app import create_app
from suture.api.server import Gateway
from suture.domain.errors import Invalid
from suture.settings import Settings
from suture.telemetry.metrics import Metrics
from tests.api.conftest import DEPLOYMENT, settings_of
from tests.ingest.recording import RecordingIncidents, by_labels


@asynccontextmanager
async def running(
    settings: Settings, incidents: RecordingIncidents
) -> AsyncIterator[tuple[Gateway, asyncio.Event]]:
    gateway = Gateway(create_app(settings, incidents, by_labels, metrics=Metrics()), settings)
    stop = asyncio.Event()
    task = asyncio.create_task(gateway.serve(stop))
    await asyncio.wait(
        {asyncio.create_task(gateway.started.wait()), task}, return_when=asyncio.FIRST_COMPLETED
    )
    try:
        yield gateway, stop
    finally:
        stop.set()
        await task


async def test_serves_on_a_port_that_the_system_picked() -> None:
    incidents = RecordingIncidents()
    async with (
        running(settings_of(listen="127.0.0.1:0"), incidents) as (gateway, _),
        httpx2.AsyncClient(base_url=gateway.url, trust_env=False) as client,
    ):
        answer = await client.post("/v1/incidents", json=DEPLOYMENT)
        assert answer.status_code == 202
        assert "server" not in answer.headers
    assert len(incidents.reported) == 1


async def test_a_request_in_flight_is_answered_before_the_end() -> None:
    incidents = RecordingIncidents()
    incidents.gate.clear()
    async with running(settings_of(listen="127.0.0.1:0"), incidents) as (gateway, stop):
        async with httpx2.AsyncClient(base_url=gateway.url, trust_env=False) as client:
            posted = asyncio.create_task(client.post("/v1/incidents", json=DEPLOYMENT))
            await asyncio.sleep(0.1)
            stop.set()
            await asyncio.sleep(0.3)
            incidents.gate.set()
            assert (await posted).status_code == 202
        url = gateway.url
    async with httpx2.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(url)


async def test_an_address_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = settings_of(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Invalid, match="set SUTURE_LISTEN to a free address"):
            await Gateway(create_app(settings, RecordingIncidents(), by_labels), settings).serve(
                asyncio.Event()
            )


async def test_an_open_address_without_a_token_is_not_served() -> None:
    settings = settings_of(listen="0.0.0.0:0")
    with pytest.raises(Invalid, match="no token is set"):
        await Gateway(create_app(settings, RecordingIncidents(), by_labels), settings).serve(asyncio.Event())


async def test_a_proxy_on_this_machine_does_not_lend_its_address_to_strangers() -> None:
    async with (
        running(settings_of(listen="127.0.0.1:0"), RecordingIncidents()) as (gateway, _),
        httpx2.AsyncClient(base_url=gateway.url, trust_env=False) as client,
    ):
        for forwarded in ("203.0.113.9", "127.0.0.1, 203.0.113.9"):
            headers = {"x-forwarded-for": forwarded}
            assert (await client.post("/v1/incidents", json=DEPLOYMENT, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff\x00\xff\r\n\r\n",
        b"POST /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /%00%ff%2e%2e/etc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"BREW /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
async def test_broken_http_is_the_senders_fault(raw: bytes) -> None:
    async with running(settings_of(listen="127.0.0.1:0"), RecordingIncidents()) as (gateway, _):
        host, port = gateway.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        answer = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        assert answer.split(b" ")[1][:1] == b"4", answer
        async with httpx2.AsyncClient(base_url=gateway.url, trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200


async def test_a_chunked_body_over_the_limit_is_cut_off() -> None:
    async with running(settings_of(listen="127.0.0.1:0", body_limit=1000), RecordingIncidents()) as (
        gateway,
        _,
    ):
        host, port = gateway.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
        )
        assert b" 413 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
