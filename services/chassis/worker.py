"""The loop: a batch of records from Kafka, one transaction in the store, one publish."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from pymongo.errors import PyMongoError

from contracts.topics import DIRECTORY
from services.chassis import failpoints, kafka, parking, reaching, records
from services.chassis.faults import Fenced, Unwritable, die, patiently
from services.chassis.ledger import Ledger
from services.chassis.messages import Incoming, Offsets, Record, Source
from services.chassis.outbox import Outbox
from services.chassis.partitions import Partitions
from services.chassis.reaching import kind_of
from services.chassis.sweep import Clock
from services.chassis.transaction import Doc

log = logging.getLogger("staffetta.worker")

NEW_TOPICS_MS, SAME_TOPICS_MS = 5_000, 60_000
"""How often we look for topics: those of agencies come and go, the others were there before us."""
AGAIN_S = 0.02


class Worker:
    def __init__(self, ledger: Ledger) -> None:
        settings, service, topics = ledger.settings, ledger.service, [route.topic for route in ledger.routes.values()]
        self.ledger = ledger
        self.outbox = Outbox(settings, ledger.owns)
        self.partitions = Partitions(ledger, self.outbox, lambda: self.subscriber)
        self.clock = Clock()
        self.is_open = False
        self.is_served = True
        """The broker let us into the group, and read, when records were last asked for."""
        self.most = records.FIRST
        self.done = 0
        """Batches and replays that came to an end."""
        self.told: Offsets = {}
        self.told_at = 0.0
        look_ms = NEW_TOPICS_MS if any(topic.one_per_agency for topic in topics) else SAME_TOPICS_MS
        self.broker = KafkaBroker(
            settings.kafka_url.split(","),
            logger=None,
            metadata_max_age_ms=look_ms,
            client_id=service,
            graceful_timeout=None,
            security=reaching.of_faststream(settings),
        )
        self.subscriber = self.broker.subscriber(
            pattern=kafka.pattern(settings, topics), listener=self.partitions, group_id=settings.named(service),
            group_instance_id=f"{service}-{settings.replica}", session_timeout_ms=settings.session_s * 1000,
            heartbeat_interval_ms=settings.session_s * 1000 // 6, rebalance_timeout_ms=20_000,
            auto_offset_reset="none", batch=True, ack_policy=AckPolicy.MANUAL,
            parser=records.unread, decoder=records.nothing, no_reply=True,
        )  # fmt: skip
        self.subscriber(self.on_batch)
        self.subscriber.get_msg = self._fetched  # type: ignore[method-assign]  # FastStream has no other way to wait

    async def _fetched(self, consumer: AIOKafkaConsumer) -> tuple[Record, ...]:
        """Waits for records. FastStream's own looks every few milliseconds, and sleeps between two looks."""
        partitions = self.partitions
        partitions.look_on()
        only = partitions.hurried()
        wait_ms = records.NO_HURRY_MS if only else records.WAIT_MS
        try:
            found = await records.handed(consumer, only, self.most, wait_ms)
        except UnicodeDecodeError:  # what was drained with such a header is lost
            found = await partitions.anew()
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as nothing:
            if isinstance(nothing, OffsetOutOfRangeError):
                await patiently(partitions.look_for_gone, nothing.args[0])
            await asyncio.sleep(AGAIN_S)  # a take-over is under way, and says where it stands
            return ()
        except KafkaError as fault:
            self.is_served = False
            log.warning("records cannot be read: %s", kind_of(fault))
            raise
        self.is_served, partitions.is_taken = True, not found
        return tuple(found)

    async def start(self) -> None:
        await self.ledger.open()
        await self.outbox.producer.start()
        try:
            await self.partitions.asked.start()
            await self.broker.start()
        except KafkaError as fault:  # a consumer that has begun cannot begin again
            die(f"cannot start: {kind_of(fault)}")
        self.is_open = True

    async def stop(self) -> None:
        """Finish the batch in hand, publish it, give the session back."""
        await self.partitions.on_partitions_revoked(())
        await self.broker.stop()
        await self.partitions.asked.stop()
        await self.outbox.producer.stop()

    def look_for_topics(self) -> None:
        """Now, and not when it is time to."""
        self.partitions.consumer._client.force_metadata_update()  # aiokafka offers no other way

    async def ask_broker(self) -> None:
        """One question to who leads one of our partitions, or of all; raises KafkaError."""
        if not self.is_open:
            raise KafkaConnectionError
        source = next(iter(self.partitions.reached), (self.ledger.settings.named(DIRECTORY.name), 0))
        await self.partitions.asked.end_offsets([TopicPartition(*source)])

    async def on_batch(self, batch: KafkaMessage) -> None:
        await patiently(self._take, batch.raw_message)

    async def _take(self, handed: Iterable[Record]) -> None:
        failpoints.hit("fetched")
        async with self.partitions.lock:
            if self.partitions.has_moved:
                return
            began = time.monotonic()
            messages, following = self.partitions.admit(handed)
            if messages:
                await self._guarded(self._batch(messages, following), following)
                self.most = records.at_once(len(messages), time.monotonic() - began)
            self.partitions.is_taken = True
        await self._tell_kafka()

    async def _batch(self, messages: list[Incoming], following: Offsets) -> None:
        """In one transaction; if that is refused, half by half, down to what is refused alone: it is parked."""
        try:
            return await patiently(self._process, messages, following)
        except Unwritable as fault:
            refused, half = str(fault), len(messages) // 2
        if not half:
            log.error("a message is refused: it is parked", extra=messages[0].where | {"code": refused})
            return await patiently(self._process, messages, following, f"unwritable:{refused}")
        log.warning("a batch is refused: half by half", extra={"code": refused, "count": len(messages)})
        for some in (messages[:half], messages[half:]):
            await self._batch(some, {m.source: m.offset + 1 for m in some})

    async def _process(self, messages: list[Incoming], following: Offsets, why_not: str | None = None) -> None:
        began, partitions = time.monotonic(), self.partitions
        said = await self.ledger.process(messages, partitions.stored, following, self.outbox.finished, why_not)
        self.done += 1
        partitions.reached |= following
        if said is not None:
            partitions.stored |= following
            failpoints.hit("committed_not_published")
            self.outbox.begin(said, began)

    async def _guarded(self, work: Awaitable[None], sources: Iterable[Source]) -> None:
        """After a fence, what was not stored comes again from where these partitions stand."""
        try:
            await work
        except Fenced:
            await patiently(self._after_fence, set(sources))
        except Unwritable as refused:
            die(f"the store refuses even that a message is parked: {refused}")

    async def _after_fence(self, sources: set[Source]) -> None:
        if not await self.ledger.owns(sources):
            die("another worker owns my partition")
        log.warning("my own commit landed unseen, or the store lost its tail: recovering")
        await self.partitions.recover(sources)

    async def tidy(self) -> None:
        """Between two batches: store how far we are, and that what was owed is said."""
        async with self.partitions.lock:
            if due := self.partitions.unstored:
                await self._guarded(patiently(self._process, [], due), due)
        await self._tell_kafka()

    async def heed(self) -> None:
        """Between two batches: do what ops asked for the parked keys of my partitions, a message at a time."""
        if not self.ledger.parked:
            return
        for request in await patiently(parking.requested, self.ledger.db, list(self.partitions.stored)):
            source, more = parking.lane(request)[:2], True
            while more:
                async with self.partitions.lock:
                    more = source in self.partitions.stored and await self._replay(request, source)

    async def _replay(self, request: Doc, source: Source) -> bool:
        """Whether there is more to do of it at once; what fails is asked for still."""
        began, ledger, how = time.monotonic(), self.ledger, (request, self.partitions.stored, self.outbox.finished)
        try:
            try:
                said, more = await ledger.replay(*how)
            except Unwritable as refused:
                said, more = await ledger.replay(*how, why_not=f"unwritable:{refused}")
        except (PyMongoError, Fenced):  # it may have landed unseen: then what it said is owed
            await patiently(self._after_fence, {source})
            return False
        self.outbox.begin(said, began)
        self.done += 1
        return more

    async def _tell_kafka(self) -> None:
        """The group offset is for lag tools only: what is new, once a second, never under the lock, never fatal."""
        news = {s: o for s, o in self.partitions.reached.items() if self.told.get(s) != o}
        if news and time.monotonic() - self.told_at > 1:
            failpoints.hit("before_offset_commit")
            self.told_at = time.monotonic()
            offsets = {TopicPartition(*s): o for s, o in news.items()}
            try:
                await asyncio.wait_for(self.partitions.consumer.commit(offsets), 2)
                self.told |= news
            except (KafkaError, TimeoutError) as fault:
                log.info("group offset not told: %s", kind_of(fault))
