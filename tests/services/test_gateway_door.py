"""The HTTP door while nobody reads behind it, and while what it leans on is away."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr

from contracts.topics import AGENCY_COMMANDS
from services.chassis.kafka import ensure_topics
from services.chassis.outbox import Outbox
from services.chassis.service import Context
from services.chassis.settings import Settings
from services.gateway.app import service
from services.http import problems
from tests.builders import an_intake
from tests.processes import AUDIENCE, ISSUER, Processes, free_port

SUBMIT = {"ce-type": "staffetta.intake.submit.v1"}


@asynccontextmanager
async def door(settings: Settings, folder: Path, put: Any = None) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """The gateway's HTTP side as pa.comune speaks to it, with no worker in its process; and its database."""
    processes = Processes(settings, folder)
    known = {"token_issuer": ISSUER, "token_audience": AUDIENCE, "token_jwks": str(processes.jwks)}
    settings = settings.model_copy(update=known)
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), timeoutMS=2000)
    db = client[settings.named("gateway")]
    app = FastAPI()
    app.state.context = Context("gateway", settings, db, put)
    assert service.api
    app.include_router(service.api)
    problems.install(app)
    headers, transport = processes.bearer("pa.comune"), httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers, timeout=30) as http:
        yield http, db
    client.close()


@asynccontextmanager
async def with_a_topic(network: Settings) -> AsyncIterator[Outbox]:
    await ensure_topics(network, [(AGENCY_COMMANDS.of("pa.comune"), AGENCY_COMMANDS)])
    outbox = Outbox(network, AsyncMock())
    async with outbox.producer:
        yield outbox


async def test_a_command_that_was_taken_is_on_its_way_before_anybody_has_read_it(
    network: Settings, tmp_path: Path
) -> None:
    async with with_a_topic(network) as outbox, door(network, tmp_path, outbox.put) as (http, db):
        await db.agencies.insert_one({"_id": "pa.comune"})

        taken = await http.post("/v1/commands", json=an_intake("k-1"), headers=SUBMIT | {"ce-id": "m-1"})
        places = [await http.get(place) for place in (taken.headers["location"], "/v1/commands/m-1")]
        unknown = await http.get("/v1/commands/k-2")

    assert (taken.status_code, taken.json()["answer"]) == (202, None)
    assert [(place.status_code, place.json()["answer"]) for place in places] == [(200, None)] * 2
    assert unknown.status_code == 404


async def test_while_the_store_is_away_one_is_told_when_to_ask_again(network: Settings, tmp_path: Path) -> None:
    nowhere = SecretStr(f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200")

    async with door(network.model_copy(update={"mongo_url": nowhere}), tmp_path) as (http, _):
        said = [
            await http.get("/v1/commands/k-1"),
            await http.post("/v1/commands", json=an_intake(), headers=SUBMIT | {"ce-id": "m-1"}),
        ]

    assert [(response.status_code, response.headers["retry-after"]) for response in said] == [(503, "5")] * 2
    assert said[0].json() == {"type": "about:blank", "title": "Service Unavailable", "status": 503}


async def test_while_the_broker_is_away_the_feed_says_when_to_ask_again(network: Settings, tmp_path: Path) -> None:
    nowhere = network.model_copy(update={"kafka_url": f"127.0.0.1:{free_port()}"})

    async with door(nowhere, tmp_path) as (http, db):
        await db.agencies.insert_one({"_id": "pa.comune"})
        feed = await http.get("/v1/feed")

    assert (feed.status_code, feed.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(("headers", "absent"), [({"ce-id": "m-1"}, "ce-type"), (SUBMIT, "ce-id")])
async def test_a_header_that_is_missing_is_named(
    network: Settings, tmp_path: Path, headers: dict[str, str], absent: str
) -> None:
    async with door(network, tmp_path) as (http, db):
        await db.agencies.insert_one({"_id": "pa.comune"})
        refused = await http.post("/v1/commands", content=json.dumps(an_intake()), headers=headers)

    assert refused.status_code == 422
    assert {"code": "missing_field", "parameters": [absent]}.items() <= refused.json().items()
