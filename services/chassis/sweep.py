"""What is due becomes a command: an edge of our own says it, under an id that makes saying it again harmless."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts import catalogue
from contracts.values import Message
from services.chassis import messages
from services.chassis.reaching import kind_of
from services.chassis.settings import Settings

if TYPE_CHECKING:
    from services.chassis.service import Context, Job

log = logging.getLogger("staffetta.sweep")

EVERY_S, AGAIN_S, SELDOM_S = 1, 120, 3600
APART = timedelta(minutes=1)
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due since `at`: a command, under the id that it has whoever asks for it.

    journey_id: empty for what belongs to none.
    """

    at: datetime
    id: UUID
    journey_id: UUID | Literal[""]
    command: Message


Asked = dict[UUID, tuple[float, float]]
"""What was asked for and is not done yet, by id: when first, and until when it is not asked for again."""


@dataclass(slots=True)
class Clock:
    """This machine's: what a sweep ends by a wrong one is never undone, so it is held against the store's."""

    is_right: bool = True

    async def look(self, db: Any) -> bool:
        """Whether it is right now. Raises PyMongoError."""
        ahead = datetime.now(UTC) - (await db.command("hello"))["localTime"].replace(tzinfo=UTC)
        was_right, self.is_right = self.is_right, abs(ahead) <= APART
        if was_right and not self.is_right:
            log.error("nothing is swept: this clock and the store's are %.0f s apart", abs(ahead).total_seconds())
        return self.is_right


def edge_now(settings: Settings) -> datetime:
    """What an edge stamps; tests set its clock ahead."""
    return datetime.now(UTC) + settings.clock_ahead


def due_by(now: datetime) -> dict[str, datetime]:
    """The condition on an indexed instant, bounded on both sides: so no store walks through what waits for nothing."""
    return {"$gt": BEGINNING, "$lte": now}


def to_ask(asked: Asked, due: Iterable[Due], clock: float) -> list[Due]:
    """What of all that is due is to be asked for now; what is due no longer is forgotten."""
    known = {one.id: one for one in due}
    for id in asked.keys() - known:
        del asked[id]
    return [one for id, one in known.items() if id not in asked or clock >= asked[id][1]]


def note(asked: Asked, id: UUID, clock: float) -> None:
    """It was asked for now. What is not done waits behind a parked message, or work: the next time comes ever later."""
    first, _ = asked.get(id, (clock, clock))
    asked[id] = first, clock + min(max(clock - first, AGAIN_S), SELDOM_S)


def sweeping(due: Callable[[Any, datetime], AsyncIterator[Due]], what: str) -> "Job":
    """A job that looks every second for what is due, and asks for it. what: waits while broker or store is away, as the
    log says.
    """

    async def sweep(context: "Context") -> None:
        asked: Asked = {}
        while True:
            try:
                now = edge_now(context.settings)
                ask = to_ask(asked, [one async for one in due(context.db, now)], time.monotonic())
                for one in ask if ask and await context.clock.look(context.db) else ():
                    await publish(context, one.command, id=one.id, at=now, journey_id=one.journey_id)
                    note(asked, one.id, time.monotonic())
            except (PyMongoError, KafkaError) as fault:
                log.warning("%s wait: %s", what, kind_of(fault))
            await asyncio.sleep(EVERY_S)

    return sweep


async def publish(context: "Context", command: Message, *, id: UUID, at: datetime, journey_id: object = "") -> None:
    """Ask this service itself for something; returns when the broker has it."""
    row = catalogue.BY_MODEL[type(command)]
    key = row.key_of(command)
    source = f"/services/{context.service}/sweep"
    headers = messages.headers(id=id, source=source, type=row.type, time=at, subject=key, correlation_id=journey_id)
    topic = context.settings.named(row.topic_by(context.service).name)
    await context.put(messages.Outgoing(topic, key.encode(), command.model_dump_json().encode(), headers))
