"""Sessions and forms: what a browser sends counts only when it comes from a page that this very session was shown."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from temporalio.client import Client

from suture.access import hashed
from tests.web.conftest import Site, serving, token_of

pytestmark = pytest.mark.temporal


@asynccontextmanager
async def logged_in(site: Site, name: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser's cookies without the browser."""
    async with site.program() as client:
        answer = await client.post("/login", data={"token": token_of(name), "next": "/incidents"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
        yield client


async def secret_of(client: httpx2.AsyncClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', (await client.get(path)).text)
    assert found
    return found[1]


async def test_a_forged_form_changes_nothing_and_is_on_record(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    path = f"/incidents/{record.incident_id}"
    async with logged_in(site, "ann") as ann, logged_in(site, "bob") as bob:
        anns, bobs = await secret_of(ann, path), await secret_of(bob, path)
        form = {"choice": "approve"}
        own, evil = {"origin": site.url}, {"origin": "https://evil.example"}
        for data, headers in (
            (form, own),
            (form | {"csrf": ""}, own),
            (form | {"csrf": bobs}, own),
            (form | {"csrf": anns}, evil),
            (form | {"csrf": anns}, {"origin": "null"}),
        ):
            answer = await ann.post(f"{path}/decide", data=data, headers=headers)
            assert answer.status_code == 403
            assert "text/html" in answer.headers["content-type"]
        assert (await site.record(handle)).votes == []
        assert await site.noted(record.incident_id) == [("ann", "approve", "refused")] * 5
        good = await ann.post(f"{path}/decide", data=form | {"csrf": anns}, headers=own)
        assert good.status_code == 303
    assert await site.until_done(handle) == "healed"


async def test_a_get_changes_nothing(site: Site) -> None:
    handle = await site.waiting("cart")
    incident = (await site.record(handle)).incident_id
    async with logged_in(site, "ann") as ann:
        secret = await secret_of(ann, f"/incidents/{incident}")
        for path in (f"/incidents/{incident}/decide", "/logout"):
            answer = await ann.get(path, params={"choice": "approve", "csrf": secret})
            assert answer.status_code == 405
        assert (await ann.get("/incidents")).status_code == 200
    assert (await site.record(handle)).votes == []


async def test_a_viewer_is_shown_no_buttons_and_refused_without(site: Site) -> None:
    handle = await site.waiting("cart")
    record = await site.record(handle)
    path = f"/incidents/{record.incident_id}"
    async with logged_in(site, "vera") as vera:
        page = (await vera.get(path)).text
        assert "it takes the role approver" in page
        assert 'value="approve"' not in page
        csrf = await secret_of(vera, path)
        answer = await vera.post(f"{path}/decide", data={"choice": "approve", "csrf": csrf})
        told = await vera.get(answer.headers["location"])
        assert "Refused: vera is viewer" in told.text
        assert (await vera.get("/audit")).status_code == 403
    assert (await site.record(handle)).votes == []
    assert (await site.noted(record.incident_id))[-1] == ("vera", "approve", "refused")


async def test_the_cookie_is_kept_from_scripts_other_sites_and_the_api(site: Site) -> None:
    async with site.program() as client:
        answer = await client.post("/login", data={"token": token_of("ann"), "next": "//evil.example"})
        assert answer.headers["location"] == "/incidents"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert (await client.get("/incidents")).status_code == 200
        assert (await client.get("/v1/incidents")).status_code == 401
        policy = (await client.get("/incidents")).headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


async def test_a_session_ends_with_its_persons_token(site: Site) -> None:
    file = site.settings.access_file
    assert file is not None
    async with logged_in(site, "ann") as ann:
        assert (await ann.get("/incidents")).status_code == 200
        file.write_text(f"people:\n  - name: ann\n    roles: [admin]\n    token: {hashed('new')}\n")
        assert (await ann.get("/incidents")).status_code == 303
        assert (await ann.get("/audit")).status_code == 303


async def test_log_out(site: Site) -> None:
    async with logged_in(site, "ann") as ann:
        csrf = await secret_of(ann, "/incidents")
        assert (await ann.post("/logout", data={})).status_code == 403
        assert (await ann.post("/logout", data={"csrf": csrf})).status_code == 303
        assert (await ann.get("/incidents")).status_code == 303


async def test_a_wrong_token_says_so(site: Site) -> None:
    async with site.program() as client:
        answer = await client.post("/login", data={"token": "wrong"})
        assert (answer.status_code, "This token is not valid" in answer.text) == (401, True)
        assert "set-cookie" not in answer.headers


async def test_behind_https_the_cookie_is_for_https(temporal: Client, tmp_path: Path) -> None:
    async with (
        serving(temporal, tmp_path, public_url="https://suture.example.com") as site,
        site.program() as client,
    ):
        answer = await client.post("/login", data={"token": token_of("ann")})
        assert "secure" in answer.headers["set-cookie"].lower()
        good = {"origin": "https://suture.example.com"}
        assert (await client.post("/login", data={"token": "x"}, headers=good)).status_code == 401


async def test_without_an_access_file_this_machine_is_admin(temporal: Client, tmp_path: Path) -> None:
    async with serving(temporal, tmp_path, access_file=None) as site, site.program() as client:
        handle = await site.waiting("cart")
        path = f"/incidents/{(await site.record(handle)).incident_id}"
        assert (await client.get("/audit")).status_code == 200
        assert (await client.post(f"{path}/decide", data={"choice": "approve"})).status_code == 403
        csrf = await secret_of(client, path)
        form = {"choice": "approve", "csrf": csrf}
        foreign = await client.post(f"{path}/decide", data=form, headers={"host": "evil.example"})
        assert foreign.status_code == 403
        assert (await client.post(f"{path}/decide", data=form)).status_code == 303
        assert await site.until_done(handle) == "healed"
