"""A real browser, as people have one: Chromium, driven from outside, with what it loaded and what it complained of."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright

FOUND = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
LEFT_OUT = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AimEnabled", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter",
    "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)  # fmt: skip
"""The first two fill the window around our page, and cost more than the page; the others are of Playwright's own list,
which ours replaces."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update",
         f"--disable-features={','.join(LEFT_OUT)}")  # fmt: skip
WIDE, NARROW = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)

needs_a_browser = pytest.mark.skipif(FOUND is None, reason="there is no Chromium here: install the package chromium")


@dataclass
class Screen:
    """One person's page. asked: every address it loaded; complaints: what the browser's console said of our pages."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def log_in(self, name: str) -> None:
        await self.page.goto(self.url)
        await self.page.get_by_role("button", name=name).click()
        await self.page.wait_for_url(f"{self.url}/**")

    async def is_listening(self) -> None:
        """Until the page that is open hears what changes."""
        while not await self.page.evaluate("!!document.querySelector('#live')._htmx?.sse?.reader"):
            await asyncio.sleep(0.05)

    async def faults_of_access(self) -> list[str]:
        """What axe finds on the page as it stands (WCAG 2.2 A and AA, best practices)."""
        found: Any = await Axe().run(self.page)
        return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found.response["violations"]]

    async def is_wider_than_the_screen(self) -> bool:
        wide: bool = await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return wide


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=FOUND, args=list(FLAGS))
        yield browser
        await browser.close()


@asynccontextmanager
async def screen(
    browser: Browser, url: str, *, size: ViewportSize = WIDE, language: str = "it-IT", **more: Any
) -> AsyncIterator[Screen]:
    context = await browser.new_context(viewport=size, locale=language, **more)
    page = await context.new_page()
    seen = Screen(page, url)
    page.on("request", lambda request: seen.asked.append(request.url))
    page.on("console", lambda said: seen.complaints.append(said.text) if _is_ours(said, url) else None)
    page.on("pageerror", lambda fault: seen.complaints.append(str(fault)))
    yield seen
    await context.close()


def _is_ours(said: ConsoleMessage, url: str) -> bool:
    """Not of the page on which people log in, which has no icon."""
    return not said.location["url"] or said.location["url"].startswith(url)
