"""The governor on its page and for programs: admins switch, with a word why and a second thought; others only look."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.web.browser import chromium, log_in, opened
from tests.web.conftest import Site

pytestmark = pytest.mark.temporal


@pytest.mark.browser
async def test_an_admin_stops_everything_and_lets_it_go_on(site: Site) -> None:
    async with chromium() as browser:
        page, troubles = await opened(browser, phone=True)
        await log_in(page, site, "ada", "/governor")
        await page.get_by_text("Stop every change").first.click()
        await page.get_by_label("Why").first.fill("the data centre burns")
        await page.get_by_role("button", name="Stop every change").click()  # the browser asks for the tick
        assert not (await site.governor.overview(site.settings.cluster)).standing.stopped
        await page.get_by_label("I am sure").first.check()
        await page.get_by_role("button", name="Stop every change").click()
        await expect(page.get_by_text("the data centre burns").first).to_be_visible()
        assert "ada" in (await site.governor.overview(site.settings.cluster)).standing.stopped
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await page.get_by_text("End it").first.click()
        await page.get_by_label("Why").first.fill("it is out")
        await page.get_by_label("I am sure").first.check()
        await page.get_by_role("button", name="End it").click()
        await expect(page.get_by_text("Nothing is stopped or frozen.")).to_be_visible()
        assert troubles == []
    assert [row[1:] for row in await site.noted("governor")] == [
        ("throw stop", "asked"),
        ("throw stop", "taken"),
        ("lift stop", "asked"),
        ("lift stop", "taken"),
    ]


async def test_roles_and_refusals(site: Site) -> None:
    freeze = {"do": "throw", "kind": "freeze", "name": "launch", "hours": 2, "reason": "the launch"}
    async with site.program("ann") as ann, site.program("ada") as ada:
        answer = await ann.post("/v1/governor", json=freeze)
        assert (answer.status_code, "takes the role admin" in answer.text) == (409, True)
        assert (await ann.get("/v1/governor")).json()["switches"] == []
        assert "I am sure" not in (await ann.get("/governor")).text
        answer = await ada.post("/v1/governor", json=freeze)
        assert (answer.status_code, "freeze launch by ada" in answer.text) == (200, True)
        (held,) = (await ann.get("/v1/governor")).json()["switches"]
        assert (held["kind"], held["name"], held["reason"]) == ("freeze", "launch", "the launch")
        assert (await ada.post("/v1/governor", json={"do": "lift", "kind": "stop"})).status_code == 409
        lift = {"do": "lift", "kind": "freeze", "name": "launch"}
        assert (await ada.post("/v1/governor", json=lift)).status_code == 200
        assert (await ada.post("/v1/governor", json={"do": "throw", "kind": "storm"})).status_code == 409
    assert ("ann", "throw freeze", "refused") in await site.noted("governor launch")
