"""Records as Kafka hands them out, whatever is in them: FastStream neither waits for them nor reads them for us."""

from itertools import chain
from types import SimpleNamespace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage

from services.chassis.messages import Record

BATCH = 200
WAIT_MS = 1000


async def fetched(consumer: AIOKafkaConsumer) -> tuple[Record, ...]:
    """Waits for records. FastStream's own looks every few milliseconds, and sleeps between two looks."""
    try:
        found = await consumer.getmany(timeout_ms=WAIT_MS, max_records=BATCH)
    except UnicodeDecodeError:
        return await _one_by_one(consumer)
    return tuple(chain.from_iterable(found.values()))


async def _one_by_one(consumer: AIOKafkaConsumer) -> tuple[Record, ...]:
    """aiokafka never gets past a header whose name is not UTF-8: that record is handed on as an empty one."""
    for p in consumer.assignment():
        at = await consumer.position(p)
        if at < (consumer.highwater(p) or 0):
            consumer.seek(p, at)
            try:
                found = await consumer.getmany(p, timeout_ms=WAIT_MS, max_records=1)
            except UnicodeDecodeError:
                consumer.seek(p, at + 1)
                return (_empty(p, at),)
            if found:
                return tuple(found[p])
    return ()


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
