"""A network with a console and somebody who logs people in, and people at their desks."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from deploy.local.provider import Provider
from services.chassis.settings import Settings
from services.cli.verify.network import opened
from tests.builders import Entry
from tests.nursery import SERVICES
from tests.processes import AUDIENCE, ISSUER, Processes, free_port, plain_http, running

BEHIND = ("gateway", "intake", "directory", "referral", "programmes", "console")
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Desk:
    """One person's browser without a screen."""

    client: httpx.AsyncClient
    word: str = ""
    """Of this session's forms, once a page told it."""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def csrf(self) -> str:
        """From any page: the form that logs out is on each."""
        if not self.word and (found := CSRF.search((await self.get("/", follow_redirects=True)).text)):
            self.word = found[1]
        return self.word

    async def post(self, path: str, **form: Any) -> httpx.Response:
        return await self.client.post(path, data={"csrf": await self.csrf(), **form})


@dataclass
class Town:
    processes: Processes
    settings: Settings
    url: str
    provider: str

    @asynccontextmanager
    async def desk(self, subject: str = "") -> AsyncIterator[Desk]:
        """subject: of `deploy.local.provider.people`; nobody is logged in without one."""
        async with plain_http(self.url, timeout=30, headers={"Accept-Language": "it"}) as client:
            if subject:
                await log_in(client, subject)
            yield Desk(client)

    async def submit(self, *statements: Entry) -> None:
        """As each one's agency would, and until everything that came of it has settled."""
        async with plain_http(self.processes.url("gateway"), timeout=30) as client:
            for stated in statements:
                headers = self.processes.bearer(stated["tier0"]["sender_agency"])
                headers |= {"ce-id": stated["idempotency_key"], "ce-type": "staffetta.intake.submit.v1"}
                answered = await client.post("/v1/commands", json=stated, headers=headers)
                assert answered.status_code == 202, answered.text
        await self.settle()

    def an_hour_later(self) -> None:
        """For the whole network; who is logged in has rested too long."""
        ahead = timedelta(seconds=float(self.processes.clock.read_text("utf-8")))
        self.processes.move_clock(ahead + timedelta(hours=1))

    async def settle(self) -> None:
        async with opened(self.settings) as network:
            await network.settle(60)


async def log_in(client: httpx.AsyncClient, subject: str) -> httpx.Response:
    """Through the provider's page, as a person does."""
    begun = await client.get("/login")
    chosen = await client.post(begun.headers["location"], data={"sub": subject})
    return await client.get(chosen.headers["location"])


@asynccontextmanager
async def town(settings: Settings, folder: Path, services: Sequence[str] = BEHIND) -> AsyncIterator[Town]:
    at = {name: f"http://127.0.0.1:{free_port()}" for name in (*SERVICES, "provider")}
    told = {f"{name.upper()}_URL": url for name, url in at.items()} | {"OIDC_ISSUER": at["provider"]}
    told |= {"REQUESTS_PER_MINUTE": "100000"}  # here everybody comes from one address
    urls = {f"{name}-0": url for name, url in at.items() if name in services}
    async with running(settings, folder, tuple(services), environment=told, urls=urls) as processes:
        provider = Provider(at["provider"], f"{at['console']}/login/back", processes.key, ISSUER, AUDIENCE)
        server = Quiet(uvicorn.Config(provider.app(), port=int(at["provider"].rpartition(":")[2]), log_level="error"))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.05)
        yield Town(processes, settings, at["console"], at["provider"])
        server.should_exit = True
        await serving


class Quiet(uvicorn.Server):
    """The test decides when to stop."""

    def install_signal_handlers(self) -> None:
        return None
