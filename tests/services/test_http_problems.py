"""What a request is told while the broker or the store is away."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from fastapi import APIRouter, Request
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.values import MAX_BODY_BYTES
from services.http import bodies
from services.http.server import Server
from tests.processes import free_port, plain_http

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


@router.post("/said")
async def listen(request: Request) -> int:
    return len(await bodies.read(request))


@router.get("/bug")
async def fail_for_a_reason_of_our_own() -> None:
    raise ValueError("never shown")


@pytest.fixture
async def port() -> AsyncIterator[httpx.AsyncClient]:
    server = Server("Test", [router], host="127.0.0.1", port=free_port())
    serving = asyncio.create_task(server.serve())
    async with plain_http(f"http://127.0.0.1:{server.config.port}", timeout=20) as client:
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


async def test_what_is_posted_in_pieces_is_read_up_to_a_limit(port: httpx.AsyncClient) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 1024

    whole = await port.post("/said", content=pieces(MAX_BODY_BYTES // 1024))
    more = await port.post("/said", content=pieces(MAX_BODY_BYTES // 1024 + 1))

    assert (whole.status_code, whole.json()) == (200, MAX_BODY_BYTES)
    assert (more.status_code, more.json()["code"]) == (413, "too_large")


async def test_what_is_posted_too_slowly_is_not_waited_for(
    port: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "SLOWEST_S", 0.3)

    reader, writer = await asyncio.open_connection(port.base_url.host, port.base_url.port)
    writer.write(b"POST /said HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    for _ in range(5):
        writer.write(b"x")
        await asyncio.sleep(0.05)
    told = (await asyncio.wait_for(reader.read(), 5)).decode()
    writer.close()

    assert told.startswith("HTTP/1.1 408 ") and "connection: close" in told
    assert "content-type: application/problem+json" in told
