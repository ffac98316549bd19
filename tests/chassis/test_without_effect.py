"""Messages that a service has nothing to do about cost no transaction; how far it is, is stored all the same."""

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.chassis.settings import Settings
from tests.chassis.example import IN
from tests.chassis.relay import relay


async def test_what_comes_to_nothing_leaves_only_how_far_the_service_is(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        producer = AIOKafkaProducer(bootstrap_servers=running.settings.kafka_url)
        consumer = AIOKafkaConsumer(bootstrap_servers=running.settings.kafka_url)
        await producer.start()
        await consumer.start()
        await running.noise(producer, 120)
        await producer.stop()
        at = [TopicPartition(running.settings.named(IN.name), p) for p in range(IN.partitions)]
        ends = sorted((await consumer.end_offsets(at)).values())
        await consumer.stop()

        async with asyncio.timeout(60):
            while sorted([d["next"] async for d in db.offsets.find()]) != ends:
                await asyncio.sleep(0.1)
        assert sum(ends) == 120
        assert await db.inbox.count_documents({}) == 0
