"""What is owed to the topics: sent in order, one batch at a time, while the next one is prepared."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, OutOfOrderSequenceNumber, UnknownProducerId

from services.chassis import failpoints, reaching
from services.chassis.faults import die, patiently
from services.chassis.messages import Outgoing, Said, Source
from services.chassis.reaching import kind_of
from services.chassis.settings import Settings

STUCK_S = 5
FORGOTTEN = (InvalidProducerEpoch, OutOfOrderSequenceNumber, UnknownProducerId)
"""The broker counts our messages otherwise than we do: it takes none from this process any more."""


class Outbox:
    def __init__(self, settings: Settings, owns: Callable[[Collection[Source]], Awaitable[bool]]) -> None:
        self.producer = AIOKafkaProducer(
            **reaching.broker(settings), enable_idempotence=True, acks="all", max_batch_size=512 * 1024,
            max_request_size=2 * 1024 * 1024,
        )  # fmt: skip
        # of what aiokafka gives up it has used the numbers, and the broker then refuses all that follows it
        self.producer._message_accumulator._batch_ttl = math.inf  # it offers no other way
        self._owns = owns
        self._frozen_s = settings.session_s / 3
        self._sending: asyncio.Task[None] | None = None
        self._since = 0.0

    @property
    def stuck(self) -> bool:
        return bool(self._sending and not self._sending.done() and time.monotonic() - self._since > STUCK_S)

    def begin(self, said: Said, since: float) -> None:
        """Send what a batch said, which began at `since`; what was begun before must be finished."""
        if said:
            self._since = since
            self._sending = asyncio.create_task(self._publish(said))

    async def finished(self) -> None:
        if self._sending:
            await self._sending
            self._sending = None

    async def _publish(self, said: Said) -> None:
        """A later message must not overtake one that cannot be sent: the next start drains in order."""
        try:
            failpoints.hit("before_publish")
            if time.monotonic() - self._since > self._frozen_s:
                await self._still_ours(said)
            sending = asyncio.ensure_future(self.send([row for rows in said.values() for row in rows]))
            while not (await asyncio.wait({sending}, timeout=self._frozen_s))[0]:
                await self._still_ours(said)
            await sending
            failpoints.hit("published_not_deleted")
        except Exception as fault:
            die(f"publishing failed: {kind_of(fault)}")

    async def _still_ours(self, said: Said) -> None:
        """Frozen, or cut off: whoever took over has said what we owe."""
        if not await patiently(self._owns, said):
            die("another worker owns my partition: it has published what I owed")

    async def put(self, row: Outgoing) -> None:
        """What no batch owes; returns when the broker has it. Raises KafkaError."""
        try:
            await self.producer.send_and_wait(row.topic, row.value, key=row.key, headers=row.headers)
        except FORGOTTEN as fault:
            die(f"the broker takes nothing from us any more: {kind_of(fault)}")

    async def send(self, rows: list[Outgoing]) -> None:
        acks = []
        for i, row in enumerate(rows):
            if i == len(rows) // 2:
                failpoints.hit("mid_publish")
            acks.append(await self.producer.send(row.topic, row.value, key=row.key, headers=row.headers))
        await asyncio.gather(*acks)
