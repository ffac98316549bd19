"""A service spoken to on its own topics, as the gateway or the operator would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts import catalogue
from contracts.topics import Topic, said_by
from contracts.values import Message
from services.chassis import kafka, messages
from services.chassis.messages import Incoming
from services.chassis.settings import Settings


@dataclass
class Bus:
    """heard: what the service has said so far."""

    settings: Settings
    service: str
    topic: Topic
    producer: AIOKafkaProducer
    heard: list[Incoming] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    """It said one more thing."""

    async def ask(self, command: Message, *, at: datetime | None = None) -> UUID:
        """Returns the id under which it was asked."""
        row, id = catalogue.BY_MODEL[type(command)], uuid4()
        headers = messages.headers(
            id=id, source="/tests", type=row.type, time=at or datetime.now(UTC), subject="", correlation_id="",
            causation_id="", sequence=None, traceparent=None,
        )  # fmt: skip
        value, key = command.model_dump_json().encode(), row.key_of(command).encode()
        await self.producer.send_and_wait(
            self.settings.named(row.topic_by(self.service).name), value, key=key, headers=headers
        )
        return id

    async def said(self, cause: UUID, count: int = 1, seconds: float = 60) -> list[Incoming]:
        """What the service said because of a message, as soon as it is this much."""
        said: list[Incoming] = []
        try:
            async with asyncio.timeout(seconds), self.news:
                while True:
                    said = [m for m in self.heard if m.headers["ce_causationid"] == str(cause)]
                    if len(said) >= count:
                        return said
                    await self.news.wait()
        except TimeoutError:
            raise TimeoutError(f"{len(said)} of {count} messages on {self.topic.name}") from None


@asynccontextmanager
async def bus(settings: Settings, service: str) -> AsyncIterator[Bus]:
    topic = said_by(service)
    await kafka.ensure_topics(settings, [(topic.name, topic)])
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(settings.named(topic.name), p) for p in range(topic.partitions)])
    await consumer.seek_to_beginning()
    opened = Bus(settings, service, topic, producer)
    listening = asyncio.create_task(_listen(consumer, opened))
    try:
        yield opened
    finally:
        listening.cancel()
        await consumer.stop()
        await producer.stop()


async def _listen(consumer: AIOKafkaConsumer, opened: Bus) -> None:
    async for record in consumer:
        opened.heard.append(messages.read(record, opened.topic))
        async with opened.news:
            opened.news.notify_all()
