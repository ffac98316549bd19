"""Agencies' topics as their own systems see them: CloudEvents 1.0 in Kafka's binary mode, and nothing of ours."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.chassis import reaching
from services.chassis.settings import from_environment
from services.cli.faults import AWAY, UNSEEN, CannotDo

Body = dict[str, Any]
Naming = Callable[[str], str]
ANSWERS = ("staffetta.command.accepted.v1", "staffetta.command.rejected.v1")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an agency's feed. type: without `staffetta.` and version, as in `events.json`."""

    agency: str
    id: str
    type: str
    body: Body

    @property
    def command_id(self) -> str | None:
        """Which command this answers, by the name its agency gave it."""
        found = (self.body.get("asked") or {}).get("command_id") if self.type.startswith("command.") else None
        return None if found is None else str(found)

    @property
    def accepted(self) -> bool:
        return self.type == "command.accepted"


class Wire:
    """The topics of some agencies: what they say, and their feeds as one stream without repeats."""

    def __init__(self, kafka_url: str, named: Naming, agencies: Iterable[str]) -> None:
        self.kafka_url, self.named = kafka_url, named
        self.feeds = {TopicPartition(named(f"agencies.{a}.feed"), 0): a for a in sorted(set(agencies))}
        reached = reaching.broker(from_environment(), kafka_url)
        self.producer = AIOKafkaProducer(**reached, acks="all", enable_idempotence=True)
        self.consumer = AIOKafkaConsumer(**reached, auto_offset_reset="earliest")
        self._seen: set[str] = set()

    async def open(self, *, from_the_beginning: bool, patience_s: float = 0) -> None:
        """Ready to read what comes from now on, or all there is. Raises CannotDo when an agency has no topics."""
        await self.consumer.start()
        await self._find_topics(patience_s)
        self.consumer.assign(list(self.feeds))
        if from_the_beginning:
            await self.consumer.seek_to_beginning(*self.feeds)
        else:
            for feed, end in (await self.consumer.end_offsets(list(self.feeds))).items():
                self.consumer.seek(feed, end)
        await self.producer.start()

    async def close(self) -> None:
        await self.producer.stop()
        await self.consumer.stop()

    async def say(self, agency: str, type: str, body: Body | bytes, *, id: str) -> None:
        """Returns when the broker has it. body: bytes are sent as they are, whatever they hold."""
        attributes = {
            "id": id, "source": f"/agencies/{agency}", "type": type, "specversion": "1.0",
            "time": datetime.now(UTC), "datacontenttype": "application/json",
        }  # fmt: skip
        raw = isinstance(body, bytes)
        message = to_binary(CloudEvent(attributes=attributes, data={} if raw else body), JSONFormat())
        topic, value = self.named(f"agencies.{agency}.commands"), body if raw else _bytes(message.value)
        await self.producer.send_and_wait(topic, value, headers=list(message.headers.items()))

    async def entries(self) -> AsyncIterator[Entry]:
        async for record in self.consumer:
            event = from_binary(KafkaMessage(dict(record.headers), None, record.value), JSONFormat())
            agency = self.feeds[TopicPartition(record.topic, record.partition)]
            id, type = event.get_id(), event.get_type()
            if f"{agency}/{id}" not in self._seen:
                self._seen.add(f"{agency}/{id}")
                body = event.get_data()
                short = type.removeprefix("staffetta.").rpartition(".")[0]
                yield Entry(agency, id, short, body if isinstance(body, dict) else {})

    async def _find_topics(self, patience_s: float) -> None:
        """A new agency's topics are made when the directory tells of it."""
        until = time.monotonic() + patience_s
        while missing := [a for feed, a in self.feeds.items() if feed.topic not in await self.consumer.topics()]:
            if time.monotonic() > until:
                raise CannotDo(f"No topics on the broker for: {', '.join(missing)}.", UNSEEN)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def opened(
    kafka_url: str, named: Naming, agencies: Iterable[str], *, from_the_beginning: bool, patience_s: float = 0
) -> AsyncIterator[Wire]:
    """A wire that is closed again; a broker that does not answer is a sentence."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    wire = Wire(kafka_url, named, agencies)
    try:
        await wire.open(from_the_beginning=from_the_beginning, patience_s=patience_s)
        yield wire
    except KafkaError as fault:
        raise CannotDo(f"Kafka does not answer at {kafka_url} ({type(fault).__name__}).", AWAY) from None
    finally:
        await wire.close()


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
