"""Asking a directory that runs to take entries: over its topics, as nobody in particular."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts import catalogue, topics
from contracts.answers import Answer, CommandAccepted, CommandRejected
from contracts.commands import PutAgency, PutOffer
from contracts.directory import Agency, Offer
from services.chassis import kafka, messages, reaching
from services.chassis.settings import Settings

Put = PutAgency | PutOffer
Commands = Mapping[str, Put]
"""By their ids."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """before: the version of each entry that was there, by its key. answers: by the ids of the commands."""

    before: Mapping[str, int]
    answers: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Said:
    """What was read of the directory's topic: the latest version of each entry, and answers by what they answer."""

    versions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)

    async def read_on(self, consumer: AIOKafkaConsumer) -> None:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                incoming = messages.read(record, topics.DIRECTORY)
                match incoming.message:
                    case Agency(version=version) | Offer(version=version):
                        self.versions[incoming.key.decode()] = version
                    case CommandAccepted() | CommandRejected() as answer:
                        self.answers[str(answer.command_id)] = answer

    def all_of(self, commands: Commands) -> bool:
        """An answer comes before the entry that it is about: whoever loads again at once finds both."""
        return all(self._is_through(id, command) for id, command in commands.items())

    def _is_through(self, id: str, command: Put) -> bool:
        answer = self.answers.get(id)
        if isinstance(answer, CommandAccepted):
            return self.versions.get(name(command), 0) >= (answer.version or 0)
        return answer is not None


def name(command: Put) -> str:
    """The key of its entry."""
    return catalogue.BY_MODEL[type(command)].key_of(command)


async def ask(commands: Commands, settings: Settings, wait_s: float) -> Outcome:
    """What the directory had, and what it answered until all is answered and said or the time is over.

    Raises KafkaError.
    """
    await kafka.ensure_topics(settings, [(t.name, t) for t in (topics.DIRECTORY_COMMANDS, topics.DIRECTORY)])
    producer = AIOKafkaProducer(**reaching.broker(settings), acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(**reaching.broker(settings), auto_offset_reset="earliest")
    said = Said()
    try:
        await producer.start()
        await consumer.start()
        at = [TopicPartition(settings.named(topics.DIRECTORY.name), p) for p in range(topics.DIRECTORY.partitions)]
        consumer.assign(at)
        ends = await consumer.end_offsets(at)
        while [place for place in at if await consumer.position(place) < ends[place]]:
            await said.read_on(consumer)
        before = dict(said.versions)
        for id, command in commands.items():
            await _send(producer, settings, id, command)
        await producer.flush()
        until = time.monotonic() + wait_s
        while not said.all_of(commands) and time.monotonic() < until:
            await said.read_on(consumer)
        return Outcome(before, {id: answer for id, answer in said.answers.items() if id in commands})
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
