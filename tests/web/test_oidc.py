"""Logging in through a real OpenID Connect provider on loopback, and what a bad provider or a stolen answer comes to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from playwright.async_api import expect
from temporalio.client import Client

from suture.api.auth import check_exposure
from suture.domain.errors import Invalid
from tests.api.conftest import settings_of
from tests.web.browser import chromium, opened
from tests.web.conftest import Site, access_file, serving
from tests.web.provider import Provider

pytestmark = pytest.mark.temporal


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider("suture", "s3cret-of-the-client")
    yield made
    made.close()


@pytest.fixture
async def site(temporal: Client, tmp_path: Path, provider: Provider) -> AsyncIterator[Site]:
    secret = tmp_path / "client-secret"
    secret.write_text(provider.secret + "\n")
    people = access_file(tmp_path, {"ann": "ann@example.com", "rob": "'248289761009'"})
    async with serving(
        temporal,
        tmp_path,
        access_file=people,
        oidc_issuer=provider.issuer,
        oidc_client_secret_file=secret,
    ) as found:
        yield found


async def walk(site: Site, **changed: str) -> tuple[int, str]:
    """The whole way, as a browser goes it; returns the callback's status and text. `changed` alters what comes back."""
    async with site.program() as browser:
        first = await browser.get("/oidc/login", params={"next": "/audit"})
        assert first.status_code == 302
        back = await browser.get(first.headers["location"])
        end = await browser.get(_with(back.headers["location"], changed))
        return end.status_code, end.headers.get("location", "") + end.text


def _with(url: str, changed: dict[str, str]) -> str:
    import httpx2

    return str(httpx2.URL(url).copy_merge_params(changed)) if changed else url


@pytest.mark.browser
async def test_a_person_logs_in_with_a_browser(site: Site, provider: Provider) -> None:
    handle = await site.waiting("cart")
    async with chromium() as browser:
        page, troubles = await opened(browser)
        await page.goto(site.url + "/incidents")
        await page.get_by_role("link", name="Log in with 127.0.0.1").click()
        await page.wait_for_url(site.url + "/incidents")
        await expect(page.locator(".who")).to_contain_text("ann")
        await page.get_by_role("link", name="shop/deployment/cart").click()
        await page.get_by_role("button", name="Approve", exact=True).click()
        await expect(page.get_by_role("status").filter(has_text="approve taken")).to_be_visible()
    assert await site.until_done(handle) == "healed"
    assert troubles == []
    rows = await site.audit.entries(by="ann")
    assert {row.via for row in rows} == {"oidc"}
    assert provider.exchanged == 1


async def test_the_subject_counts_as_well(site: Site, provider: Provider) -> None:
    provider.claims = {"sub": "248289761009"}
    assert await walk(site) == (303, "/audit")
    assert (await site.noted("session"))[-1] == ("rob", "log in", "taken")


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"sub": "unknown"}, "unknown is not in the access file"),
        ({"sub": "x", "email": "ann@example.com", "email_verified": False}, "x is not in the access file"),
        ({"sub": "x", "email": "ann@example.com"}, "x is not in the access file"),
        ({"sub": "x", "email": "ann@example.com", "email_verified": "true"}, "x is not in the access file"),
    ],
)
async def test_who_is_not_named_does_not_get_in(
    site: Site, provider: Provider, claims: dict[str, Any], told: str
) -> None:
    provider.claims = claims
    status, text = await walk(site)
    assert (status, told in text) == (403, True)
    assert await site.noted("session") == []


@pytest.mark.parametrize(
    "twist",
    [
        {"nonce": "another"},
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
    ],
)
async def test_a_token_that_is_not_for_this_login_is_refused(
    site: Site, provider: Provider, twist: dict[str, Any]
) -> None:
    provider.twist = twist
    status, text = await walk(site)
    assert (status, "is not valid" in text) == (422, True)
    assert await site.noted("session") == []


async def test_a_token_signed_by_another_key_is_refused(site: Site, provider: Provider) -> None:
    provider.signing = RSAKey.generate_key(2048, parameters={"kid": "one"})
    status, _ = await walk(site)
    assert status == 422
    assert await site.noted("session") == []


async def test_an_answer_to_another_login_is_refused(site: Site, provider: Provider) -> None:
    assert (await walk(site, state="another"))[0] == 422
    assert (await walk(site, code="another"))[0] == 422
    async with site.program() as victim, site.program() as attacker:
        first = await attacker.get("/oidc/login")
        back = await attacker.get(first.headers["location"])
        stolen = await victim.get(back.headers["location"])  # login forced upon somebody else's browser
        assert (stolen.status_code, "not begun in this browser" in stolen.text) == (422, True)
    assert provider.exchanged == 0


async def test_a_provider_that_is_away_is_told_so(site: Site, provider: Provider) -> None:
    provider.close()
    async with site.program() as browser:
        answer = await browser.get("/oidc/login")
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)
        assert (await browser.get("/login")).status_code == 200


def test_a_provider_needs_people() -> None:
    with pytest.raises(Invalid, match="SUTURE_ACCESS_FILE"):
        check_exposure(settings_of(oidc_issuer="https://id.example.com"))
