"""A provider vouches for minutes: who works for hours stays logged in as long as it goes on, and no longer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import uvicorn
from joserfc.jwk import ECKey
from motor.motor_asyncio import AsyncIOMotorClient

from deploy.local import provider
from deploy.local.provider import VALID_S, Provider
from services.chassis.settings import Settings
from tests.console.desk import Desk, Quiet, log_in
from tests.processes import AUDIENCE, ISSUER, Processes, free_port, plain_http, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = timedelta(seconds=VALID_S)
MINUTE = timedelta(minutes=1)


@dataclass
class Asked(Provider):
    """A provider that counts how often it is asked what it publishes of itself, and has a key that is not for us."""

    asked: Counter[str] = field(default_factory=Counter)

    async def discovery(self) -> dict[str, Any]:
        self.asked["discovery"] += 1
        return await super().discovery()

    async def jwks(self) -> dict[str, Any]:
        self.asked["keys"] += 1
        later = {"kty": "EC", "crv": "of a later time", "kid": "later", "x": "AA", "y": "AA"}
        return {"keys": [later, *(await super().jwks())["keys"]]}


@dataclass
class Town:
    """A console alone and who logs people in."""

    processes: Processes
    provider: Asked
    url: str
    port: int
    moved: timedelta = timedelta()
    serving: list[tuple[uvicorn.Server, asyncio.Task[None]]] = field(default_factory=list)

    def later(self, by: timedelta) -> None:
        self.moved += by
        self.processes.move_clock(self.moved)

    async def opens(self) -> None:
        server = Quiet(uvicorn.Config(self.provider.app(), port=self.port, log_level="error"))
        self.serving.append((server, asyncio.create_task(server.serve())))
        while not server.started:
            await asyncio.sleep(0.02)

    async def goes_away(self) -> None:
        server, task = self.serving.pop()
        server.should_exit = True
        await task


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(engines: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    settings = engines.model_copy(update={"namespace": f"t{uuid4().hex[:10]}"})
    url, port = f"http://127.0.0.1:{free_port()}", free_port()
    told = {"CONSOLE_URL": url, "OIDC_ISSUER": f"http://127.0.0.1:{port}"}
    folder = tmp_path_factory.mktemp("renewing")
    async with running(settings, folder, ("console",), load=(), environment=told, urls={"console-0": url}) as found:
        of_town = Asked(told["OIDC_ISSUER"], f"{url}/login/back", found.key, ISSUER, AUDIENCE)
        town = Town(found, of_town, url, port)
        await town.opens()
        yield town
        with suppress(IndexError):
            await town.goes_away()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(town: Town) -> AsyncIterator[Desk]:
    """Of an auditor, who has just logged in."""
    async with plain_http(town.url, timeout=30) as client:
        assert (await log_in(client, "auditor")).status_code == 303
        yield Desk(client)


async def looks(desk: Desk) -> int:
    return (await desk.get("/looks")).status_code


async def test_what_the_provider_publishes_is_kept_and_its_keys_are_asked_for_once_more_for_a_new_one(
    town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, before = town.provider.asked, Counter(town.provider.asked)
    assert (await log_in(desk.client, "auditor")).status_code == 303
    town.later(TOKEN + MINUTE)
    assert await looks(desk) == 200
    assert before["discovery"] and before["keys"] and asked == before

    for kid in ("another", "another"):  # a key of a new name, and one that took the place of another under its name
        monkeypatch.setattr(town.provider, "key", ECKey.generate_key("P-256", {"kid": kid}))
        town.later(TOKEN + MINUTE)
        assert await looks(desk) == 200
        assert asked - before == {"keys": 1}
        before = Counter(asked)


async def test_who_works_longer_than_the_provider_vouches_at_once_stays_logged_in(town: Town, desk: Desk) -> None:
    before = desk.client.cookies["staffetta"]
    for _ in range(8):
        town.later(TOKEN + MINUTE)
        assert await looks(desk) == 200

    assert desk.client.cookies["staffetta"] == before


async def test_what_comes_at_once_renews_once_though_it_can_be_done_once_only(town: Town, desk: Desk) -> None:
    town.later(TOKEN + MINUTE)

    answers = await asyncio.gather(*(looks(desk) for _ in range(12)))
    after = await looks(desk)

    assert {*answers, after} == {200}


async def test_a_session_ends_when_the_provider_vouches_no_longer(town: Town, desk: Desk) -> None:
    assert await looks(desk) == 200
    town.provider.given.clear()
    assert await looks(desk) == 200, "until what it gave ends"

    town.later(TOKEN)

    there = await desk.get("/looks")
    assert (there.status_code, there.headers["location"]) == (303, "/login?next=/looks")
    assert (await desk.get("/looks", headers={"hx-request": "true"})).headers["hx-redirect"] == "/login"


async def test_while_the_provider_is_away_pages_go_on_for_half_an_hour_and_no_longer(town: Town, desk: Desk) -> None:
    await town.goes_away()
    try:
        town.later(TOKEN + MINUTE)
        assert await looks(desk) == 200
        town.later(28 * MINUTE)
        assert await looks(desk) == 200
        town.later(MINUTE)
        assert await looks(desk) == 303
    finally:
        await town.opens()


async def test_when_the_provider_is_back_the_session_goes_on(town: Town, desk: Desk) -> None:
    await town.goes_away()
    town.later(TOKEN + MINUTE)
    assert await looks(desk) == 200
    given = [*town.provider.given]
    await town.opens()

    assert await looks(desk) == 200

    assert [*town.provider.given] != given


@pytest.mark.parametrize("roles", [["ops"], []])
async def test_what_the_provider_takes_from_a_person_is_gone_with_the_next_token(
    town: Town, desk: Desk, roles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = provider.people()
    monkeypatch.setattr(provider, "people", lambda: known | {"auditor": known["auditor"] | {"roles": roles}})
    assert await looks(desk) == 200

    town.later(TOKEN)

    assert await looks(desk) == (404 if roles else 303)


async def test_another_person_under_the_same_session_ends_it(
    town: Town, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = provider.people()
    monkeypatch.setattr(provider, "people", lambda: known | {"auditor": known["auditor"] | {"sub": "ops"}})

    town.later(TOKEN)

    assert await looks(desk) == 303


async def test_nothing_that_the_provider_gave_can_be_read_in_the_store(town: Town, desk: Desk) -> None:
    settings = town.processes.settings
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    kept = str([doc async for doc in client[settings.named("console")].sessions.find()])
    client.close()

    assert town.provider.given
    assert "auditor" in kept and not [token for token in town.provider.given if token in kept]
    assert desk.client.cookies["staffetta"] not in kept
