"""A ledger of the example's first service on a store that is there, without a broker; and messages for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis import messages
from services.chassis.ledger import Ledger
from services.chassis.messages import Incoming
from services.chassis.settings import Settings
from tests.chassis.example import IN, Noise, Tick, first

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@asynccontextmanager
async def a_ledger(network: Settings) -> AsyncIterator[Ledger]:
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value(), tz_aware=True)
    ledger = Ledger(client, client[network.named("first")], "first", first.routes, network)
    await ledger.open()
    yield ledger
    await ledger.session.end_session()
    await client.drop_database(network.named("first"))
    client.close()


async def at_once() -> None:
    """Nothing was owed."""


def a_record(network: Settings, said: Tick | Noise, offset: int, id: UUID | None = None, **changed: Any) -> Any:
    """As Kafka hands it out, on partition 3."""
    type = changed.pop("type", said.TYPE)
    headers = messages.headers(id=id or uuid4(), source="/tests", type=type, time=NOW, subject=said.aggregate)
    known = {"topic": network.named(IN.name), "partition": 3, "offset": offset, "key": said.aggregate.encode()}
    known |= {"value": said.model_dump_json().encode(), "headers": headers, "timestamp": NOW.timestamp() * 1000}
    return SimpleNamespace(**known | changed)


def a_message(network: Settings, said: Tick | Noise, offset: int, id: UUID | None = None, **changed: Any) -> Incoming:
    return messages.read(a_record(network, said, offset, id, **changed), IN)
