"""How soon one desk sees what another did, and what 500 open pages cost beside the same page asked for anew."""

import asyncio
import logging
import re
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
from playwright.async_api import expect
from rich.console import Console
from rich.table import Table

from services.chassis.settings import from_environment
from tests.builders import an_intake
from tests.console.browser import FOUND, chromium, screen
from tests.console.desk import Desk, Town, log_in, town

OPEN, POLLED, CHANGES, EVERY_S, POLL_S = 500, 20, 40, 0.5, 2.0
SERVICE = "material.food"
"""Of places that nobody counts."""
RECEIVER = "pa.mobile"
WAITING = re.compile(r'action="/referrals/([0-9a-f-]{36})/acknowledge')
SERVICES = ("gateway", "intake", "directory", "referral", "console")

Measured = dict[str, tuple[list[float], float, float]]
"""By how it was done: milliseconds until shown, megabytes, and seconds of CPU of the console."""


async def main() -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = from_environment().model_copy(update={"namespace": f"con{uuid4().hex[:8]}"})
    with tempfile.TemporaryDirectory() as folder:
        async with town(settings, Path(folder), SERVICES) as here:
            await here.submit(*(an_intake(f"con/{n}", services=(SERVICE,)) for n in range(4 * CHANGES)))
            async with here.desk(f"{RECEIVER}:caseworker") as desk:
                waiting = Waiting(here, desk, await _referrals(desk))
                found: Measured = {}
                if FOUND:
                    found["two browsers"] = await waiting.in_browsers()
                found["one open page"] = await waiting.live(1)
                found[f"{OPEN} open pages"] = await waiting.live(OPEN)
                for pages in (POLLED, OPEN):
                    found[f"{pages} pages asked for anew every {POLL_S:.0f} s"] = await waiting.polled(pages)
                show(found)


async def _referrals(desk: Desk) -> list[str]:
    """Those of the first page, what is due last first."""
    return [id for number in (1, 2, 3) for id in WAITING.findall((await desk.get(f"/queue?page={number}")).text)][::-1]


class Waiting:
    """Referrals that are acknowledged one by one, and who looks at them."""

    def __init__(self, here: Town, desk: Desk, referrals: list[str]) -> None:
        self.here, self.desk, self.referrals = here, desk, referrals
        self.csrf = ""

    async def acknowledge(self) -> tuple[str, float]:
        """The next one, and when the button was pressed."""
        self.csrf = self.csrf or await self.desk.csrf()
        referral_id, began = self.referrals.pop(), time.monotonic()
        await self.desk.client.post(f"/referrals/{referral_id}/acknowledge", data={"csrf": self.csrf})
        return referral_id, began

    async def in_browsers(self) -> tuple[list[float], float, float]:
        async with chromium() as browser, screen(browser, self.here.url) as seen:
            await seen.log_in("Responsabile, Unità mobile")
            times, before = [], self._cost()
            for _ in range(CHANGES // 2):
                button = seen.page.locator(f'form[action^="/referrals/{self.referrals[-1]}/acknowledge"]')
                await expect(button).to_have_count(1)
                done = asyncio.create_task(self.acknowledge())
                await expect(button).to_have_count(0, timeout=10_000)
                at = time.monotonic()
                times.append((at - (await done)[1]) * 1000)
        return times, *self._spent(before)

    async def live(self, pages: int) -> tuple[list[float], float, float]:
        """Open streams; the time until the slowest of all has it."""
        async with AsyncExitStack() as stack:
            clients = [await self._client(stack) for _ in range(8)]
            heard = [Heard() for _ in range(pages)]
            reading = [asyncio.create_task(h.read(clients[i % 8])) for i, h in enumerate(heard)]
            async with asyncio.timeout(120):
                while not all(h.at for h in heard):
                    await asyncio.sleep(0.1)
            before, times = self._cost(), []
            for _ in range(CHANGES):
                referral_id, began = await self.acknowledge()
                async with asyncio.timeout(60):
                    while not all(referral_id in h.acknowledged for h in heard):
                        await asyncio.sleep(0.01)
                times.append((max(h.acknowledged[referral_id] for h in heard) - began) * 1000)
                await asyncio.sleep(EVERY_S)
            spent = self._spent(before)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
        return times, *spent

    async def polled(self, pages: int) -> tuple[list[float], float, float]:
        """The same pages asked for again and again; the time until one of them, at chance, shows it."""
        async with AsyncExitStack() as stack:
            client = await self._client(stack)
            asking = [asyncio.create_task(_ask(client, i * POLL_S / pages)) for i in range(pages)]
            before, times = self._cost(), []
            for _ in range(CHANGES // 4):
                referral_id, began = await self.acknowledge()
                await asyncio.sleep(POLL_S / 2)
                async with asyncio.timeout(60):
                    while referral_id in _waiting((await client.get("/queue")).text):
                        await asyncio.sleep(POLL_S)
                times.append((time.monotonic() - began) * 1000)
            spent = self._spent(before)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return times, *spent

    async def _client(self, stack: AsyncExitStack) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=None)
        client = httpx.AsyncClient(
            base_url=self.here.url, timeout=120, limits=limits, headers={"Accept-Language": "it"}
        )
        await stack.enter_async_context(client)
        await log_in(client, f"{RECEIVER}:supervisor")
        return client

    def _cost(self) -> tuple[float, float]:
        process = psutil.Process(self.here.processes.workers["console-0"].pid)
        cpu = process.cpu_times()
        return process.memory_info().rss / 1e6, cpu.user + cpu.system

    def _spent(self, before: tuple[float, float]) -> tuple[float, float]:
        memory, cpu = self._cost()
        return memory, cpu - before[1]


class Heard:
    """What one open page was told: when each referral was seen to be acknowledged."""

    def __init__(self) -> None:
        self.at, self.waiting, self.acknowledged = 0.0, set[str](), dict[str, float]()

    async def read(self, client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/queue/live") as response:
            lines: list[str] = []
            async for line in response.aiter_lines():
                lines.append(line)
                if not line:
                    self._heard("".join(lines))
                    lines = []

    def _heard(self, event: str) -> None:
        if "event: beat" in event:
            return
        self.at, waiting = time.monotonic(), _waiting(event)
        self.acknowledged |= dict.fromkeys(self.waiting - waiting, self.at)
        self.waiting = waiting


def _waiting(page: str) -> set[str]:
    return set(WAITING.findall(page))


async def _ask(client: httpx.AsyncClient, first: float) -> None:
    await asyncio.sleep(first)
    while True:
        began = time.monotonic()
        await client.get("/queue")
        await asyncio.sleep(max(0, POLL_S - (time.monotonic() - began)))


def show(found: Measured) -> None:
    table = Table("pages", "changes", "p50 ms", "p95 ms", "max ms", "console MB", "CPU s", "CPU s a change")
    for what, (times, memory, cpu) in found.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        numbers = (statistics.median(times), p95, max(times), memory)
        table.add_row(what, str(len(times)), *(f"{n:.0f}" for n in numbers), f"{cpu:.1f}", f"{cpu / len(times):.3f}")
    Console().print(table)


if __name__ == "__main__":
    asyncio.run(main())
