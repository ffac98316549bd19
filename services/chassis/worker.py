"""Kafka's side: a FastStream batch subscriber whose position and order are the ledger's."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.kafka.message import KafkaMessage as Batch
from pymongo.errors import PyMongoError

from services.chassis import failpoints, kafka, parking
from services.chassis.handlers import Handlers
from services.chassis.ledger import Fenced, Ledger, Offsets, Source, Unwritable, Work, where
from services.chassis.messages import Record, read
from services.chassis.settings import Settings
from services.chassis.transaction import Doc

log = logging.getLogger("staffetta.worker")
T = TypeVar("T")

BATCH, BATCH_BYTES = 200, 2_000_000
SESSION_MS = 3000
NEW_TOPICS_MS = 5000
FROZEN_S = SESSION_MS / 3000
STUCK_S = 30


def die(why: str) -> NoReturn:
    """Never carry on beside an unknown state: the next start recovers."""
    log.error("ending: %s", why)
    os._exit(1)


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(
        self, settings: Settings, service: str, handlers: Handlers, ledger: Ledger, *, batch: int = BATCH
    ) -> None:
        self.settings, self.ledger, self.lock = settings, ledger, asyncio.Lock()
        self.topics = [route.topic for route in handlers.routes.values()]
        self.first = [route.topic for route in handlers.routes.values() if route.first]
        self.stored: Offsets = {}
        self.rewound: Offsets = {}
        self.caught_up = not self.first
        self.publishing: asyncio.Task[None] | None = None
        self.began = self.told = self.progressed = 0.0
        broker = KafkaBroker(settings.kafka_url, logger=None, metadata_max_age_ms=NEW_TOPICS_MS, client_id=service)
        self.broker = broker
        self.producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_url, enable_idempotence=True, acks="all", max_batch_size=512 * 1024,
            max_request_size=2 * 1024 * 1024,
        )  # fmt: skip
        # Asking the subscriber itself for offsets would narrow the topics its pattern looks at, and it would rebalance.
        self.offsets = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
        self.subscriber = broker.subscriber(
            pattern=kafka.pattern(settings, self.topics), listener=self, group_id=settings.named(service),
            group_instance_id=f"{service}-{settings.replica}", batch=True, max_records=batch, batch_timeout_ms=10,
            auto_offset_reset="earliest", ack_policy=AckPolicy.MANUAL, parser=unread, decoder=nothing, no_reply=True,
            session_timeout_ms=SESSION_MS, heartbeat_interval_ms=SESSION_MS // 6, rebalance_timeout_ms=20_000,
        )  # fmt: skip
        self.subscriber(self.on_batch)
        if any(s.ack_policy is not AckPolicy.MANUAL for s in broker.subscribers):
            raise ValueError("a subscriber would acknowledge by itself: positions are the ledger's alone")

    async def start(self) -> None:
        await self.ledger.open()
        await self.producer.start()
        await self.offsets.start()
        await self.broker.start()

    async def stop(self) -> None:
        """Finish the batch in hand, publish it, give the session back."""
        await self.on_partitions_revoked(())
        await self.broker.stop()
        await self.offsets.stop()
        await self.producer.stop()

    @property
    def consumer(self) -> Any:
        return self.subscriber.consumer

    # -- ownership. aiokafka logs and swallows what a listener raises: _patiently ends the process instead -----------
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        async with self.lock:
            await self._patiently(self._recover, {(t.topic, t.partition) for t in assigned})

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        async with self.lock:
            await self._patiently(self._give_up)

    async def _recover(self, sources: set[Source]) -> None:
        """Claim, then publish what is owed, then go to the stored position: in this order."""
        await self._published()
        claimed = await self._claim(sources)
        await self._drain(claimed)
        self.ledger.published.clear()
        assigned = self.consumer.assignment()
        for source, position in claimed.items():
            if (
                at := TopicPartition(*source)
            ) in assigned:  # else the next rebalance has begun: it brings us here again
                self.consumer.seek(at, position)
                self.stored[source] = position
        self.progressed = time.monotonic()
        log.info("partitions taken over", extra={"count": len(claimed)})
        self._hold_others()

    async def _claim(self, sources: set[Source]) -> Offsets:
        stored, at = await self.ledger.claim(sources), [TopicPartition(*s) for s in sources]
        begins, ends = (
            await self._all(self.offsets.beginning_offsets, at),
            await self._all(self.offsets.end_offsets, at),
        )
        fresh = {s: begins[TopicPartition(*s)] for s, position in stored.items() if position is None}
        await self.ledger.begin_at(fresh)
        known = {s: position for s, position in stored.items() if position is not None}
        for (topic, partition), position in known.items():
            begin, end = begins[TopicPartition(topic, partition)], ends[TopicPartition(topic, partition)]
            if position < begin and self.ledger.topic(topic).kind != "state":
                die(f"messages {position} to {begin - 1} of {topic}/{partition} are gone: see docs/operating.md")
            if position > end:
                die(f"{topic}/{partition} ends before {position}: the topic or the store is another one")
        return known | fresh

    async def _all(
        self, ask: Callable[..., Awaitable[dict[TopicPartition, int]]], at: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Side by side: one by one, each new topic would wait for the broker's metadata anew."""
        return {p: offset for found in await asyncio.gather(*(ask([p]) for p in at)) for p, offset in found.items()}

    async def _drain(self, sources: Iterable[Source]) -> None:
        async for doc in self.ledger.owed(sources):
            await self._send(doc["rows"])
            await self.ledger.forget([doc["_id"]])

    async def _give_up(self) -> None:
        await self._forget_published()
        await self.ledger.release(self.stored)
        self.stored.clear()

    async def _forget_published(self) -> None:
        await self._published()
        await self.ledger.forget(self.ledger.published)
        self.ledger.published.clear()

    # -- what must be read first ---------------------------------------------------------------------------------------
    def _hold_others(self) -> None:
        if not self.caught_up:
            first = {self.settings.named(t.name) for t in self.first}
            held = {TopicPartition(*s) for s in self.stored if s[0] not in first}
            self.consumer.pause(*(held & self.consumer.assignment()))

    async def catch_up(self) -> None:
        """Take other work only when the topics to be read first were read to their end, by whichever worker."""
        ends = await self._patiently(self._ends)
        while not all([await self._patiently(self.ledger.position, s) >= end for s, end in ends.items()]):
            await asyncio.sleep(0.1)
        self.caught_up = True
        if self.consumer:
            self.consumer.resume(*self.consumer.paused())

    async def _ends(self) -> Offsets:
        at = [TopicPartition(self.settings.named(t.name), p) for t in self.first for p in range(t.partitions)]
        ends = await self.offsets.end_offsets(at) if at else {}
        return {(t.topic, t.partition): end for t, end in ends.items()}

    # -- the loop ------------------------------------------------------------------------------------------------------
    async def on_batch(self, batch: KafkaMessage) -> None:
        failpoints.hit("fetched")
        async with self.lock:
            work, following = self._admit(batch.raw_message)
            if work:
                await self._patiently(self._batch, work, following)
        await self._tell_kafka()

    def _admit(self, records: Iterable[Record]) -> tuple[Work, Offsets]:
        """Only what continues the stored position of a partition we own; after a gap, look again once from there.

        A batch is bounded in bytes too, so that its outbox fits one document; the rest is fetched again.
        """
        work: Work = {}
        following: Offsets = {}
        closed: set[Source] = set()
        size = 0
        for r in records:
            s = (r.topic, r.partition)
            if s not in self.stored or s in closed or r.offset < self.stored[s]:
                continue
            gap = s not in work and r.offset > self.stored[s] != self.rewound.get(s)
            size += len(r.value or b"")
            if gap or (size > BATCH_BYTES and work):
                self._look_again(s, following.get(s, self.stored[s]), gap=gap)
                closed.add(s)
                continue
            work.setdefault(s, []).append(read(r, self.ledger.topic(r.topic)))
            following[s] = r.offset + 1
        return work, following

    def _look_again(self, source: Source, position: int, *, gap: bool) -> None:
        self.consumer.seek(TopicPartition(*source), position)
        if gap:
            self.rewound[source] = position

    async def _batch(self, work: Work, following: Offsets) -> None:
        self.began = time.monotonic()
        try:
            docs = await self.ledger.process(work, self.stored, following)
        except Fenced:
            return await self._after_fence(set(work))
        except Unwritable:
            return await self._one_by_one(work)
        await self._committed(following, docs)

    async def _committed(self, following: Offsets, docs: list[Doc]) -> None:
        self.stored |= following
        self.progressed = time.monotonic()
        failpoints.hit("committed_not_published")
        await self._published()  # at most one publish in flight, so the order holds
        if docs:
            self.publishing = asyncio.create_task(self._publish(docs))

    async def _after_fence(self, sources: set[Source]) -> None:
        if not all([await self.ledger.owns(s) for s in sources]):
            die("another worker owns my partition")
        log.warning("my own commit landed unseen, or the store lost its tail: recovering")
        await self._recover(sources)

    async def _one_by_one(self, work: Work) -> None:
        """The store refused the batch for a reason of the data: find the message, park it, keep the others."""
        for source, messages in work.items():
            for m in messages:
                alone, following = {source: [m]}, {source: m.offset + 1}
                try:
                    docs = await self.ledger.process(alone, self.stored, following)
                except Unwritable as fault:
                    log.error("the store refuses what a handler saved: the message is parked", extra=where(m))
                    docs = await self.ledger.process(alone, self.stored, following, park=f"unwritable:{fault}")
                await self._committed(following, docs)

    async def tidy(self) -> None:
        """Between two batches: forget what is published, and do what ops asked for the parked keys of my partitions."""
        async with self.lock:
            await self._patiently(self._forget_published)
            for request in await self._patiently(parking.requested, self.ledger, list(self.stored)):
                await self._published()
                source = (request["topic"], request["partition"])
                docs = await self._patiently(parking.fulfil, self.ledger, request, self.stored[source])
                await self._committed({}, docs)

    # -- publishing ----------------------------------------------------------------------------------------------------
    async def _publish(self, docs: list[Doc]) -> None:
        failpoints.hit("before_publish")
        if time.monotonic() - self.began > FROZEN_S and not await self._own(docs):
            die("I was frozen, and another worker owns my partition: it has published what I owed")
        for doc in docs:
            await self._send(doc["rows"])
        failpoints.hit("published_not_deleted")
        self.ledger.published += [doc["_id"] for doc in docs]

    async def _own(self, docs: list[Doc]) -> bool:
        return all([await self.ledger.owns_place(doc["place"]) for doc in docs])

    async def _send(self, rows: list[Doc]) -> None:
        acks = []
        for i, row in enumerate(rows):
            if i == len(rows) // 2:
                failpoints.hit("mid_publish")
            given = [(name, bytes(value)) for name, value in row["headers"]]
            acks.append(await self.producer.send(row["topic"], row["value"], key=row["key"], headers=given))
        await asyncio.gather(*acks)

    async def _published(self) -> None:
        if self.publishing:
            try:
                await self.publishing
            except Exception as fault:  # a later message must not overtake: the next start drains in order
                die(f"publishing failed: {type(fault).__name__}")
            self.publishing = None

    async def _tell_kafka(self) -> None:
        """The group offset is for lag tools only: once a second, never under the lock, never fatal."""
        if self.stored and time.monotonic() - self.told > 1:
            failpoints.hit("before_offset_commit")
            self.told = time.monotonic()
            offsets = {TopicPartition(*s): o for s, o in self.stored.items()}
            try:
                await asyncio.wait_for(self.consumer.commit(offsets), 2)
            except (KafkaError, TimeoutError) as fault:
                log.info("group offset not told: %s", type(fault).__name__)

    async def _patiently(self, what: Callable[..., Awaitable[T]], *args: Any) -> T:
        """A fault of broker or store is never poison: wait and try again. A bug of ours ends the process."""
        while True:
            try:
                return await what(*args)
            except (PyMongoError, KafkaError) as fault:
                transient = isinstance(fault, PyMongoError) and fault.has_error_label("TransientTransactionError")
                if not transient:
                    log.warning("again after %s", type(fault).__name__)
                await asyncio.sleep(0.01 if transient else 0.2)
            except Exception as bug:  # FastStream would swallow it and go on with the next batch
                log.exception("a bug")
                die(f"bug: {type(bug).__name__}")


async def unread(records: Any) -> Batch:
    """FastStream's own parser decodes headers, outside every safety net: one bad byte loses the batch."""
    return Batch(body=b"", headers={}, raw_message=records, message_id="", correlation_id="", consumer=FAKE_CONSUMER)


async def nothing(_batch: Any) -> None:
    return None
