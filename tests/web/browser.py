"""Driving the pages with the system's Chromium."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from tests.web.conftest import Site, token_of

PHONE = {"width": 360, "height": 740}


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser until the end of the block."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=shutil.which("chromium") or "chromium", args=["--no-sandbox"]
        )
        yield browser
        await browser.close()


class Troubles(list[str]):
    """What a page complained about: scripts that failed or were blocked, dialogs that opened."""

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda e: self.append(f"error: {e}"))
        page.on("dialog", lambda d: self.append(f"dialog: {d.message}"))
        page.on("console", lambda m: self.append(m.text) if "Content Security Policy" in m.text else None)


async def opened(browser: Browser, phone: bool = False, script: bool = True) -> tuple[Page, Troubles]:
    """A fresh browser profile's page."""
    context = await browser.new_context(viewport=PHONE if phone else None, java_script_enabled=script)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    page, troubles = await context.new_page(), Troubles()
    troubles.watch(page)
    return page, troubles


async def log_in(page: Page, site: Site, name: str, to: str = "/incidents") -> None:
    """By the login form, which the first page leads to."""
    await page.goto(site.url + to)
    await page.get_by_label("Token").fill(token_of(name))
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(site.url + to)
