"""The transport against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from suture.domain.errors import Invalid, TargetNotFound, Unavailable
from suture.targets.kubernetes.client import Client
from suture.targets.kubernetes.errors import Expired
from suture.targets.kubernetes.kinds import kind_of
from tests.kubernetes.harness import create, pod_of
from tests.kubernetes.objects import config_map, ref, workload

PODS = kind_of("Pod")


def line(kind: str, **item: object) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


async def pods(request: web.Request) -> web.StreamResponse:
    if "watch" not in request.query:
        meta = (
            {"resourceVersion": "9"}
            if "continue" in request.query
            else {"resourceVersion": "9", "continue": "next"}
        )
        return web.json_response({"metadata": meta, "items": [{"metadata": {"name": "a"}}]})
    response = web.StreamResponse()
    await response.prepare(request)
    if request.query["resourceVersion"] == "old":
        await response.write(line("ERROR", code=410, reason="Expired", message="too old"))
        return response
    long = line(
        "ADDED", metadata={"name": "b", "annotations": {"x": "y" * 5_000_000}, "resourceVersion": "10"}
    )
    for start in range(0, len(long), 1_000_000):
        await response.write(long[start : start + 1_000_000])
    await response.write(line("BOOKMARK", metadata={"resourceVersion": "11"}))
    return response


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.json_response({})


async def busy(request: web.Request) -> web.Response:
    return web.json_response({"message": "slow down"}, status=429)


async def text(request: web.Request) -> web.Response:
    return web.Response(text="<html>a proxy's page</html>")


@pytest.fixture
async def odd(tmp_path: Path) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_get("/api/v1/pods", pods)
    app.router.add_get("/api/v1/namespaces/slow/pods/a", slow)
    app.router.add_get("/api/v1/namespaces/busy/pods/a", busy)
    app.router.add_get("/api/v1/namespaces/text/pods/a", text)
    async with (
        TestServer(app) as server,
        await Client.connect(kubeconfig_for(tmp_path, str(server.make_url("/"))), timeout=0.3) as client,
    ):
        yield client


def kubeconfig_for(folder: Path, server: str) -> str:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server.rstrip("/")}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return str(folder / "kubeconfig")


async def test_pages_and_filled_in_kinds(odd: Client) -> None:
    items = await odd.list(PODS)
    assert [(i["kind"], i["apiVersion"], i["metadata"]["name"]) for i in items] == [("Pod", "v1", "a")] * 2


async def test_watch_reads_lines_of_any_length(odd: Client) -> None:
    events = [e async for e in odd.watch(PODS, "", "9")]
    assert [(e.type, e.object["metadata"]["resourceVersion"]) for e in events] == [
        ("ADDED", "10"),
        ("BOOKMARK", "11"),
    ]


async def test_watch_from_a_forgotten_version(odd: Client) -> None:
    with pytest.raises(Expired):
        [e async for e in odd.watch(PODS, "", "old")]


@pytest.mark.parametrize("where", ["slow", "busy", "text"])
async def test_trouble_is_unavailable(odd: Client, where: str) -> None:
    with pytest.raises(Unavailable):
        await odd.get(ref("Pod", where, "a"))


async def test_nobody_listens(tmp_path: Path) -> None:
    async with await Client.connect(kubeconfig_for(tmp_path, "http://127.0.0.1:1")) as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.ready()


async def test_no_usable_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for path in ("empty", "missing"):
        with pytest.raises(Invalid, match="cannot use the kubeconfig"):
            await Client.connect(str(tmp_path / path))


async def test_unknown_context(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot use the kubeconfig"):
        await Client.connect(kubeconfig_for(tmp_path, "http://127.0.0.1:1"), context="other")


@pytest.mark.cluster
async def test_put_and_logs(admin: Client, namespace: str) -> None:
    live = await create(admin, config_map(namespace, mode="slow"))
    live["data"]["mode"] = "fast"
    assert (await admin.put(live, manager="test", dry_run=True))["data"] == {"mode": "fast"}
    await create(admin, workload("ReplicaSet", namespace))
    pod = await pod_of(admin, namespace)
    with pytest.raises(
        (Invalid, TargetNotFound, Unavailable)
    ):  # never started, whatever the kubelet calls it
        await admin.logs(ref("Pod", namespace, pod["metadata"]["name"]), "no-such-container")
