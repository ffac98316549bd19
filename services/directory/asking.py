"""Asking a directory that runs to take entries: over its topics, as nobody in particular."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts import catalogue, topics
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from contracts.events import Answer
from services.chassis import kafka, messages
from services.chassis.messages import Incoming
from services.chassis.settings import Settings

Put = PutAgency | PutOffer
Commands = Mapping[str, Put]
"""By their ids."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """before: the version of each entry that was there, by its key. answers: by the ids of the commands."""

    before: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)


def name(command: Put) -> str:
    """The key of its entry."""
    return catalogue.BY_MODEL[type(command)].key_of(command)


async def ask(commands: Commands, settings: Settings, wait_s: float) -> Outcome:
    """What the directory had, and what it answered until all are answered or the time is over. Raises KafkaError."""
    await kafka.ensure_topics(settings, [(t.name, t) for t in (topics.DIRECTORY_COMMANDS, topics.DIRECTORY)])
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
    outcome = Outcome()
    try:
        await producer.start()
        await consumer.start()
        at = [TopicPartition(settings.named(topics.DIRECTORY.name), p) for p in range(topics.DIRECTORY.partitions)]
        consumer.assign(at)
        await _read_before(consumer, at, outcome)
        for id, command in commands.items():
            await _send(producer, settings, id, command)
        await producer.flush()
        await _read_answers(consumer, commands, outcome, wait_s)
        return outcome
    finally:
        await consumer.stop()
        await producer.stop()


async def _send(producer: AIOKafkaProducer, settings: Settings, id: str, command: Put) -> None:
    row, key = catalogue.BY_MODEL[type(command)], name(command)
    headers = messages.headers(
        id=UUID(id), source="/operators/load", type=row.type, time=datetime.now(UTC), subject=key, correlation_id="",
        causation_id="", sequence=None, traceparent=None,
    )  # fmt: skip
    value = command.model_dump_json().encode()
    await producer.send(settings.named(row.topic.name), value, key=key.encode(), headers=headers)


async def _read_before(consumer: AIOKafkaConsumer, at: list[TopicPartition], outcome: Outcome) -> None:
    """Up to where the topic ends now; the consumer goes on from there."""
    ends = await consumer.end_offsets(at)
    await consumer.seek_to_beginning(*at)
    while [place for place in at if await consumer.position(place) < ends[place]]:
        async for incoming in _next(consumer):
            if isinstance(incoming.message, Agency | Offer):
                outcome.before[incoming.key.decode()] = incoming.message.version


async def _read_answers(consumer: AIOKafkaConsumer, commands: Commands, outcome: Outcome, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while len(outcome.answers) < len(commands) and time.monotonic() < until:
        async for incoming in _next(consumer):
            answer = incoming.message
            if isinstance(answer, Answer) and answer.command_id in commands:
                outcome.answers[str(answer.command_id)] = answer


async def _next(consumer: AIOKafkaConsumer) -> AsyncIterator[Incoming]:
    for records in (await consumer.getmany(timeout_ms=200)).values():
        for record in records:
            yield messages.read(record, topics.DIRECTORY)
