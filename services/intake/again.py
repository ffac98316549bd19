"""Have intake erase again whom it has erased, once its store was put back from a backup that is older than that.

    python -m services.intake.again

Whoever was erased is known from the topic `intakes`, as long as it keeps that. What is erased already stays as it is.
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from contracts import catalogue, topics
from contracts.erasure import EraseMeeting, PersonErased
from services.chassis import messages, reaching
from services.chassis.settings import Settings, from_environment


async def again(settings: Settings) -> int:
    """The exit status."""
    try:
        erased = await _erased(settings)
        await _ask(settings, erased)
    except KafkaError as fault:
        print(f"Kafka does not answer at {settings.kafka_url} ({type(fault).__name__})", file=sys.stderr)
        return 1
    print(f"Asked to erase again: {len(erased)}")
    return 0


async def _erased(settings: Settings) -> list[PersonErased]:
    """All that the topic tells, up to its end of now."""
    consumer = AIOKafkaConsumer(**reaching.broker(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        at = [TopicPartition(settings.named(topics.INTAKES.name), p) for p in range(topics.INTAKES.partitions)]
        consumer.assign(at)
        await consumer.seek_to_beginning(*at)
        ends, found = await consumer.end_offsets(at), dict[object, PersonErased]()
        while [place for place in at if await consumer.position(place) < ends[place]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    match messages.read(record, topics.INTAKES).message:
                        case PersonErased() as event:
                            found[event.intake_id] = event
        return list(found.values())
    finally:
        await consumer.stop()


async def _ask(settings: Settings, erased: list[PersonErased]) -> None:
    producer = AIOKafkaProducer(**reaching.broker(settings), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for event in erased:
            command = EraseMeeting(intake_id=event.intake_id, at=event.at)
            row, key = catalogue.BY_MODEL[EraseMeeting], str(event.intake_id)
            headers = messages.headers(
                id=uuid4(), source="/operators/again", type=row.type, time=datetime.now(UTC), subject=key,
                correlation_id=key,
            )  # fmt: skip
            value = command.model_dump_json().encode()
            await producer.send_and_wait(settings.named(row.topic.name), value, key=key.encode(), headers=headers)
    finally:
        await producer.stop()


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m services.intake.again", description=__doc__).parse_args()
    sys.exit(asyncio.run(again(from_environment())))
