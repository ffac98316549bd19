"""What is due becomes a command: an edge of our own says it, under an id that makes saying it again harmless."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts import catalogue
from contracts.values import Message
from services.chassis import messages
from services.chassis.settings import Settings

if TYPE_CHECKING:
    from services.chassis.service import Context, Job

log = logging.getLogger("staffetta.sweep")

EVERY_S = 1
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due since `at`: a command, under the id that it has whoever asks for it."""

    at: datetime
    id: UUID
    journey_id: UUID
    command: Message


def edge_now(settings: Settings) -> datetime:
    """What an edge stamps; tests set its clock ahead."""
    return datetime.now(UTC) + settings.clock_ahead


def due_by(now: datetime) -> dict[str, datetime]:
    """The condition on an indexed instant, bounded on both sides: so no store walks through what waits for nothing."""
    return {"$gt": BEGINNING, "$lte": now}


def sweeping(due: Callable[[Any, datetime], AsyncIterator[Due]], what: str) -> "Job":
    """A job that asks for whatever is due, every second. what: waits while broker or store is away, as the log says."""

    async def sweep(context: "Context") -> None:
        while True:
            try:
                now = edge_now(context.settings)
                async for one in due(context.db, now):
                    await publish(context, one.command, id=one.id, at=now, journey_id=one.journey_id)
            except (PyMongoError, KafkaError) as fault:
                log.warning("%s wait: %s", what, type(fault).__name__)
            await asyncio.sleep(EVERY_S)

    return sweep


async def publish(context: "Context", command: Message, *, id: UUID, at: datetime, journey_id: object = "") -> None:
    """Ask this service itself for something; returns when the broker has it."""
    row = catalogue.BY_MODEL[type(command)]
    key = row.key_of(command)
    source = f"/services/{context.service}/sweep"
    headers = messages.headers(id=id, source=source, type=row.type, time=at, subject=key, correlation_id=journey_id)
    topic = context.settings.named(row.topic_by(context.service).name)
    await context.producer.send_and_wait(topic, command.model_dump_json().encode(), key=key.encode(), headers=headers)
