"""A person at a browser: the whole way from the login to a healed incident, by mouse, by keyboard, and on a phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from policies.verdict import PolicyEngine
from suture.domain.decision import ApprovalNeeds
from tests.web.browser import chromium, log_in, opened
from tests.web.conftest import Site

pytestmark = [pytest.mark.browser, pytest.mark.temporal, pytest.mark.slow]
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


async def incident_of(site: Site, handle: Any) -> str:
    return (await site.record(handle)).incident_id


async def test_from_login_to_a_healed_incident(site: Site, browser: Browser) -> None:
    handle = await site.waiting("cart", summary="nobody can pay")
    page, troubles = await opened(browser)
    await log_in(page, site, "ann")
    await expect(page.get_by_role("heading", name="Waits for you")).to_be_visible()
    await page.get_by_role("link", name="shop/deployment/cart").click()
    await expect(page.get_by_role("heading", name="Your decision is needed")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="undo the rollout of").first).to_be_visible()
    assert await page.locator("del").first.inner_text() == "bad"
    assert await page.locator("ins").first.inner_text() == "v0"
    await expect(page.get_by_text("nobody can pay")).to_be_visible()
    await expect(page.get_by_role("link", name="Temporal UI")).to_have_attribute(
        "href", f"http://temporal.example/workflows/{handle.id}"
    )
    assert site.cluster.applied == []
    await page.get_by_label("Why").first.fill("the release of noon")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("status").filter(has_text="approve taken")).to_be_visible()
    assert await site.until_done(handle) == "healed"
    await page.reload()
    await expect(page.get_by_text("approve by ann: the release of noon")).to_be_visible()
    await expect(page.locator(".pill.healed")).to_be_visible()
    for stage in ("detect", "classify", "route", "approve", "execute", "verify", "memorize"):
        await expect(page.locator(".timeline h3", has_text=stage).first).to_be_visible()
    await page.get_by_role("link", name="What diagnosis saw").click()
    await expect(page.get_by_role("heading", name="What diagnosis saw")).to_be_visible()
    incident = (await site.audit.entries())[0].subject
    assert await site.noted(incident) == [("ann", "approve", "asked"), ("ann", "approve", "taken")]
    assert (await site.audit.entries(subject=incident))[0].reason == "the release of noon"
    assert troubles == []


async def test_reject(site: Site, browser: Browser) -> None:
    handle = await site.waiting("cart")
    page, _ = await opened(browser)
    await log_in(page, site, "ann", f"/incidents/{await incident_of(site, handle)}")
    await page.get_by_label("Why").first.fill("not at night")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("status").filter(has_text="reject taken")).to_be_visible()
    while (status := await site.until_or_ended(handle)) is not None:
        assert status.approval is not None
        await site.decide(handle, "reject")
    assert await site.until_done(handle) == "escalated"
    assert site.cluster.applied == []


async def test_approve_with_changes(site: Site, browser: Browser) -> None:
    handle = await site.scaled_to_zero("cart")
    page, _ = await opened(browser)
    await log_in(page, site, "ann", f"/incidents/{await incident_of(site, handle)}")
    await page.get_by_text("Approve with changes").click()
    await page.get_by_label("replicas").fill("many")
    await page.get_by_role("button", name="Approve with these changes").click()
    await expect(page.get_by_role("alert")).to_contain_text("is not a value that fits")
    await page.get_by_text("Approve with changes").click()
    await page.get_by_label("replicas").fill("3")
    await page.get_by_role("button", name="Approve with these changes").click()
    await expect(page.get_by_role("status").filter(has_text="approve taken")).to_be_visible()
    assert await site.until_done(handle) == "healed"
    assert site.cluster.replicas["cart"] == 3


async def test_two_people_make_a_quorum(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = PolicyEngine.decide

    def two(self: PolicyEngine, *args: Any, **more: Any) -> Any:
        needs = ApprovalNeeds(quorum=2, roles=["approver"], eligible=site.people.eligible("approver"))
        return decide(self, *args, **more).model_copy(update={"approval": needs})

    monkeypatch.setattr(PolicyEngine, "decide", two)
    handle = await site.waiting("cart")
    where = f"/incidents/{await incident_of(site, handle)}"
    pages = {name: (await opened(browser))[0] for name in ("ann", "bob", "rob")}
    for name, page in pages.items():
        await log_in(page, site, name, where)
    assert await pages["rob"].get_by_role("button", name="Approve").count() == 0
    await pages["ann"].get_by_role("button", name="Approve", exact=True).click()
    await expect(pages["ann"].get_by_role("status").filter(has_text="1 of 2")).to_be_visible()
    await expect(pages["ann"].get_by_role("button", name="Approve", exact=True)).to_have_count(0)
    await expect(pages["bob"].get_by_text("1 of 2 approvals so far")).to_be_visible()  # without a reload
    assert site.cluster.applied == []
    await pages["bob"].get_by_role("button", name="Approve", exact=True).click()
    await expect(pages["bob"].get_by_role("status").filter(has_text="approve taken")).to_be_visible()
    assert await site.until_done(handle) == "healed"


async def _tab_to(page: Page, name: str) -> None:
    """Press Tab until the element of this name has the focus, which must be visible."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        at = page.locator(":focus")
        told = (await at.get_attribute("aria-label")) or (await at.inner_text()) or ""
        if told.strip() == name or await at.get_attribute("id") == name:
            assert await at.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
            return
    raise AssertionError(f"Tab never reaches {name!r}")


async def test_by_keyboard_alone(site: Site, browser: Browser) -> None:
    handle = await site.waiting("cart")
    page, _ = await opened(browser)
    await page.goto(site.url + "/incidents")
    await expect(page.locator("#token")).to_be_focused()
    await page.keyboard.type("token-of-ann")
    await page.keyboard.press("Enter")
    await page.wait_for_url(site.url + "/incidents")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Enter")
    await _tab_to(page, "shop/deployment/cart")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/incidents/cart-*")
    await _tab_to(page, "why")
    await page.keyboard.type("by keyboard")
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("Approve")
    await page.keyboard.press("Enter")
    assert await site.until_done(handle) == "healed"


async def test_nothing_needs_script(site: Site, browser: Browser) -> None:
    handle = await site.waiting("cart")
    page, _ = await opened(browser, script=False)
    await log_in(page, site, "ann", f"/incidents/{await incident_of(site, handle)}")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("status").filter(has_text="approve taken")).to_be_visible()
    assert await site.until_done(handle) == "healed"


async def test_a_phone_never_scrolls_sideways(site: Site, browser: Browser) -> None:
    long = "x" * 150
    handle = await site.waiting("cart", summary=long, labels={long: long})
    incident = await incident_of(site, handle)
    page, _ = await opened(browser, phone=True)
    await page.goto(site.url + "/login")
    links = site.links(await site.record(handle), "ann")
    await log_in(page, site, "ada")
    for path in (
        "/login",
        "/incidents",
        f"/incidents/{incident}",
        f"/incidents/{incident}/evidence",
        "/audit",
    ):
        await page.goto(site.url + path)
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path
    await page.goto(links["approve"])
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    small = await page.evaluate(
        "[...document.querySelectorAll('main button')].filter(b => b.getBoundingClientRect().height < 40).length"
    )
    assert small == 0


async def test_hostile_words_stay_words(site: Site, browser: Browser) -> None:
    handle = await site.waiting("cart", summary=EVIL, labels={"evil": EVIL, "onload": "javascript:alert(3)"})
    incident = await incident_of(site, handle)
    page, troubles = await opened(browser)
    await log_in(page, site, "ann", f"/incidents/{incident}")
    await expect(page.get_by_text(EVIL).first).to_be_visible()
    async with site.program("bob") as bob:
        await bob.post(f"/v1/incidents/{incident}/decide", json={"choice": "comment", "reason": EVIL})
    await page.reload()
    await expect(page.locator(".list").get_by_text(EVIL).first).to_be_visible()
    assert await page.locator("main img, main script").count() == 0
    await page.goto(f"{site.url}/incidents?namespace=%22%3E%3Cscript%3Ealert(4)%3C/script%3E")
    assert await page.locator("main script").count() == 0
    assert troubles == []


async def test_colours_have_contrast(site: Site, browser: Browser) -> None:
    """WCAG AA: 4.5:1 for every text that is shown, in the light and in the dark."""
    handle = await site.waiting("cart", severity="critical")
    incident = await incident_of(site, handle)
    for scheme in ("light", "dark"):
        context = await browser.new_context(color_scheme=scheme)
        page = await context.new_page()
        await log_in(page, site, "ada", f"/incidents/{incident}")
        for path in (f"/incidents/{incident}", "/incidents", "/audit"):
            await page.goto(site.url + path)
            assert await page.evaluate(CONTRAST) == [], (scheme, path)


CONTRAST = """() => {
  const rgba = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] > 0) return c;
    }
    return [255, 255, 255, 1];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest("script")) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${e.tagName}.${e.className}: ${ratio.toFixed(2)} ${e.textContent.slice(0, 40)}`);
  }
  return found;
}"""
