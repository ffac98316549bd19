"""What networks leave behind on the engines that tests share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from motor.motor_asyncio import AsyncIOMotorClient

from services.chassis import reaching
from services.chassis.settings import Settings


@asynccontextmanager
async def database(settings: Settings, service: str) -> AsyncIterator[Any]:
    """A service's own, for a test that runs none; gone afterwards."""
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), tz_aware=True)
    yield client[settings.named(service)]
    await client.drop_database(settings.named(service))
    client.close()


async def forget(settings: Settings) -> None:
    """Delete its topics: every service that reads by a pattern would go on hearing of them."""
    ours = f"{settings.namespace}-"
    admin = AIOKafkaAdminClient(**reaching.broker(settings))
    await admin.start()
    if topics := [name for name in await admin.list_topics() if name.startswith(ours)]:
        await admin.delete_topics(topics)
    await admin.close()
