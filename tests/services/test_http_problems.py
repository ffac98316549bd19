"""What a request is told while the broker or the store is away."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from fastapi import APIRouter
from motor.motor_asyncio import AsyncIOMotorClient

from services.http.server import Server
from tests.processes import free_port

router = APIRouter()
NOBODY = "127.0.0.1:1"


@router.get("/store")
async def ask_the_store() -> None:
    client: AsyncIOMotorClient = AsyncIOMotorClient(f"mongodb://{NOBODY}/?directConnection=true", timeoutMS=300)
    try:
        await client.nowhere.nothing.find_one()
    finally:
        client.close()


@router.get("/broker")
async def ask_the_broker() -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=NOBODY)
    try:
        await consumer.start()
    finally:
        await consumer.stop()


@router.get("/slow")
async def take_too_long() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), 0.01)


@router.get("/bug")
async def fail_for_a_reason_of_our_own() -> None:
    raise ValueError("never shown")


@pytest.fixture
async def port() -> AsyncIterator[httpx.AsyncClient]:
    server = Server("Test", [router], host="127.0.0.1", port=free_port())
    serving = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.config.port}", timeout=20) as client:
        while not server.started:
            await asyncio.sleep(0.01)
        yield client
    server.should_exit = True
    await serving


@pytest.mark.parametrize("what", ["/store", "/broker", "/slow"])
async def test_who_asks_while_an_engine_is_away_is_told_to_come_again(port: httpx.AsyncClient, what: str) -> None:
    told = await port.get(what)

    assert (told.status_code, told.headers["retry-after"]) == (503, "5")
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json() == {"type": "about:blank", "title": "Service Unavailable", "status": 503}


async def test_a_fault_of_our_own_is_no_reason_to_come_again(port: httpx.AsyncClient) -> None:
    told = await port.get("/bug")

    assert told.status_code == 500
    assert "retry-after" not in told.headers
    assert "never shown" not in told.text
