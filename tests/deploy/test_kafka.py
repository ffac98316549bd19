"""The local broker loses nothing that it acknowledged, whatever kills it."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import start_kafka

SENT = 2_000


async def make_topic(url: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=url)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("baton", num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def send(url: str, count: int) -> None:
    """Returns when the broker has acknowledged each."""
    async with AIOKafkaProducer(bootstrap_servers=url, enable_idempotence=True) as producer:
        sent = [await producer.send("baton", str(n).encode()) for n in range(count)]
        for acknowledged in sent:
            await acknowledged


async def read(url: str, count: int) -> list[int]:
    async with AIOKafkaConsumer(bootstrap_servers=url) as consumer:
        partition = TopicPartition("baton", 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        seen: list[int] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                seen += [int(record.value) for record in records]
        return seen


@pytest.mark.own_engines
async def test_a_broker_that_is_killed_and_started_again_has_all_it_acknowledged_once(tmp_path: Path) -> None:
    broker = start_kafka(tmp_path)
    try:
        await make_topic(broker.url)
        await send(broker.url, SENT)
        first = broker.pid

        broker.kill()
        broker.start()

        assert broker.pid != first
        assert any(option.startswith("-XX:AOTCache=") for option in broker.argv())
        assert await read(broker.url, SENT) == list(range(SENT))
    finally:
        broker.stop()
