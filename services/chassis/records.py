"""Records as Kafka hands them out, whatever is in them: FastStream neither waits for them nor reads them for us."""

from collections.abc import Iterable
from itertools import chain
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from services.chassis.messages import Record

FIRST, LEAST, MOST, TURN_S = 10, 100, 1000, 1
"""A batch takes about so long, so that what is quick costs little and nothing waits long for what is not.

The first one is small: who was ended because a batch took too long comes further with each start.
"""
WAIT_MS = 1000
SINCE_MS = 5
"""So long what has come since may take from the broker to us."""
NO_HURRY_MS = 250
"""How long what need not hurry may wait."""


def at_once(count: int, seconds: float) -> int:
    """How many records make a batch, after so many took so long."""
    return max(LEAST, min(MOST, int(count * TURN_S / seconds)))


async def handed(consumer: AIOKafkaConsumer, only: Iterable[TopicPartition], most: int, wait_ms: int) -> list[Record]:
    """What the client has read ahead, with what has come since; where it has nothing, what comes in `wait_ms`.

    only: of these partitions; of all, where none is named. It reads ahead once, so without the second look what has
    come since would wait for a batch more.
    """
    found = await _some(consumer, only, most, 0)
    if left := most - len(found):
        found += await _some(consumer, only, left, SINCE_MS if found else wait_ms)
    return found


async def _some(consumer: AIOKafkaConsumer, only: Iterable[TopicPartition], most: int, wait_ms: int) -> list[Record]:
    by_partition = await consumer.getmany(*only, timeout_ms=wait_ms, max_records=most)
    return list(chain.from_iterable(by_partition.values()))


async def past_bad_ones(reader: AIOKafkaConsumer, p: TopicPartition, at: int, end: int) -> list[Record]:
    """aiokafka never gets past a header whose name is not UTF-8: such a record is handed on as an empty one.

    reader: one that reads nothing else, or it would wait for its other partitions.
    """
    found: list[Record] = []
    reader.assign([p])
    reader.seek(p, at)
    while at < end and len(found) < LEAST:
        try:
            one = (await reader.getmany(p, timeout_ms=WAIT_MS, max_records=1)).get(p)
        except UnicodeDecodeError:
            one = [_empty(p, at)]
            reader.seek(p, at + 1)
        if not one:
            break
        found += one
        at = one[0].offset + 1
    return found


def _empty(at: TopicPartition, offset: int) -> Record:
    unknown = {"key": None, "value": None, "headers": (), "timestamp": 0}
    return SimpleNamespace(topic=at.topic, partition=at.partition, offset=offset, **unknown)


async def unread(records: Any) -> KafkaMessage:
    """FastStream's own parser decodes headers, outside every safety net: one bad byte loses the batch."""
    return KafkaMessage(
        raw_message=records, body=b"", headers={}, message_id="", correlation_id="", consumer=FAKE_CONSUMER
    )


async def nothing(_batch: Any) -> None:
    return None
