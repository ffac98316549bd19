"""Pictures of the console's pages for `docs/console`: `python -m tests.console.screenshots`, while `./dev up` runs."""

import argparse
import asyncio
from pathlib import Path

from playwright.async_api import Page, ViewportSize

from tests.console.browser import FOUND, NARROW, WIDE, chromium, screen

DOCS = Path(__file__).parents[2] / "docs" / "console"
WORKER, COORDINATOR = "Operatrice, Comune di Palermo", "Coordinamento, Comune di Palermo"
NATIONAL, OPS = "Direzione nazionale", "Gestione tecnica"

SHOTS: tuple[tuple[str, str, str, ViewportSize, str], ...] = (
    ("queue", WORKER, "/queue", WIDE, "it-IT"),
    ("queue-narrow", WORKER, "/queue", NARROW, "it-IT"),
    ("referral", WORKER, "{referral}", WIDE, "it-IT"),
    ("referral-narrow-en", WORKER, "{referral}", NARROW, "en-GB"),
    ("decline", WORKER, "{referral}/decline", NARROW, "it-IT"),
    ("new", WORKER, "/new", WIDE, "it-IT"),
    ("directory-en", WORKER, "/directory", WIDE, "en-GB"),
    ("directory-narrow", WORKER, "/directory", NARROW, "it-IT"),
    ("board", COORDINATOR, "/board", WIDE, "it-IT"),
    ("national", NATIONAL, "/national", WIDE, "it-IT"),
    ("ops", OPS, "/ops", WIDE, "it-IT"),
    ("ops-narrow-en", OPS, "/ops", NARROW, "en-GB"),
)
"""Name, who looks, at what, how wide, in which language."""


async def take(url: str, folder: Path) -> None:
    async with chromium() as browser:
        for name, who, path, size, language in SHOTS:
            async with screen(browser, url, size=size, language=language) as seen:
                await seen.log_in(who)
                await seen.page.goto(url + await _where(seen.page, path))
                await seen.page.wait_for_timeout(500)
                await seen.page.screenshot(path=str(folder / f"{name}.png"))
                print(f"{name}.png", flush=True)


async def _where(page: Page, path: str) -> str:
    """The first referral of the queue, where one is meant."""
    if "{referral}" not in path:
        return path
    first = await page.locator("[data-row] a").first.get_attribute("href", timeout=5_000)
    return path.format(referral=first)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.console.screenshots", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8087", help="where the console is, default %(default)s")
    parser.add_argument("--folder", type=Path, default=DOCS, help="where the pictures go, default docs/console")
    given = parser.parse_args()
    if FOUND is None:
        raise SystemExit("There is no Chromium here: install the package chromium.")
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(given.url.rstrip("/"), given.folder))


if __name__ == "__main__":
    main()
