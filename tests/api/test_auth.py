"""Who is served, and who isn't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suture.api.auth import check_exposure
from suture.domain.errors import Invalid
from tests.api.conftest import DEPLOYMENT, serving, settings_of
from tests.ingest.recording import RecordingIncidents

PATH = "/v1/incidents"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (bearer("wrong"), 401),
        (bearer(""), 401),
        (bearer("s3cret "), 202),
        (bearer("s3cret"), 202),
        ({"authorization": "bearer s3cret"}, 202),
        ({"authorization": "Basic s3cret"}, 401),
        ({"authorization": "s3cret"}, 401),
        (bearer("s3cre"), 401),
        (bearer("s3cret1"), 401),
        ({"authorization": b"Bearer \xff\xfe"}, 401),
    ],
)
async def test_a_token_is_needed_when_one_is_set(headers: dict[str, str], status: int) -> None:
    for peer in ("127.0.0.1", "203.0.113.9"):
        async with serving(settings_of(token="s3cret"), RecordingIncidents(), peer) as client:
            answer = await client.post(PATH, json=DEPLOYMENT, headers=headers)
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"].startswith('Bearer realm="suture"')
            assert "SUTURE_TOKEN" in answer.json()["what_to_do"]


async def test_nobody_learns_what_is_there_without_a_token() -> None:
    async with serving(settings_of(token="s3cret"), RecordingIncidents(), "203.0.113.9") as client:
        assert (await client.get("/v1/nothing")).status_code == 401
        assert (await client.get("/admin")).status_code == 401
        assert (
            await client.post(PATH, content=b"x" * 10_000_000)
        ).status_code == 401  # not 413: it wasn't read
        for path in ("/healthz", "/readyz", "/", "/openapi.json"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", ""])
async def test_without_a_token_others_are_refused(peer: str) -> None:
    async with serving(settings_of(), RecordingIncidents(), peer) as client:
        answer = await client.post(PATH, json=DEPLOYMENT)
    assert answer.status_code == 403
    assert "SUTURE_TOKEN" in answer.json()["what_to_do"]


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1"])
async def test_without_a_token_this_machine_is_served(peer: str) -> None:
    async with serving(settings_of(), RecordingIncidents(), peer) as client:
        assert (await client.post(PATH, json=DEPLOYMENT)).status_code == 202


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 202),
        ("[::1]:8080", 202),
        ("evil.example", 403),
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
    ],
)
async def test_a_name_that_was_made_to_mean_this_machine_is_refused(host: str, status: int) -> None:
    async with serving(settings_of(), RecordingIncidents()) as client:
        assert (await client.post(PATH, json=DEPLOYMENT, headers={"host": host})).status_code == status


async def test_metrics_are_for_this_machine_or_for_a_token() -> None:
    with_token = settings_of(token="s3cret")
    async with serving(with_token, RecordingIncidents(), "203.0.113.9") as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=bearer("s3cret"))).status_code == 200
    async with serving(with_token, RecordingIncidents(), "127.0.0.1") as client:
        assert (await client.get("/metrics")).status_code == 200
    async with serving(settings_of(), RecordingIncidents(), "203.0.113.9") as client:
        assert (await client.get("/metrics")).status_code == 403


async def test_tokens_change_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("first\nsecond\n")
    async with serving(settings_of(token_file=file), RecordingIncidents(), "203.0.113.9") as client:

        async def status(token: str) -> int:
            return (await client.post(PATH, json=DEPLOYMENT, headers=bearer(token))).status_code

        assert [await status(t) for t in ("first", "second", "third")] == [202, 202, 401]
        (tmp_path / "new").write_text("third\n")
        (tmp_path / "new").rename(file)  # as a mounted secret changes
        assert [await status(t) for t in ("first", "second", "third")] == [401, 401, 202]
        file.write_text("")
        os.utime(file, (1, 1))
        assert [await status(t) for t in ("", "third")] == [401, 202]
        file.unlink()
        assert [await status(t) for t in ("", "third")] == [401, 202]


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "example.com:80"])
def test_an_open_address_needs_a_token(listen: str) -> None:
    with pytest.raises(Invalid, match="SUTURE_TOKEN"):
        check_exposure(settings_of(listen=listen))
    check_exposure(settings_of(listen=listen, token="s3cret"))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:80", "localhost:80"])
def test_loopback_needs_none(listen: str) -> None:
    check_exposure(settings_of(listen=listen))


def test_a_token_file_that_is_no_use_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot read the token file"):
        check_exposure(settings_of(token_file=tmp_path / "none"))
