"""Which partitions are mine, where each stands, and which records go on from there."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from services.chassis import kafka, reaching
from services.chassis.faults import die, patiently
from services.chassis.ledger import Ledger
from services.chassis.messages import Incoming, Offsets, Record, Source, read
from services.chassis.outbox import Outbox
from services.chassis.records import NO_HURRY_MS, past_bad_ones

log = logging.getLogger("staffetta.worker")

BATCH_BYTES = 2_000_000


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """stored: where each of mine stands in the ledger. reached: how far it is read; the ledger learns later of messages
    that came to nothing.

    lock: held while a batch, a take-over or a hand-over is under way.
    first: what says how things are, read to its end, by whichever worker, before other work is taken.
    """

    def __init__(self, ledger: Ledger, outbox: Outbox, subscriber: Callable[[], Any]) -> None:
        self.ledger, self.outbox, self.lock, self._subscriber = ledger, outbox, asyncio.Lock(), subscriber
        first = {name: r.topic for name, r in ledger.routes.items() if r.topic.kind == "state"}
        self.first = [(name, p) for name, topic in first.items() for p in range(topic.partitions)]
        self.caught_up = not first
        self.stored: Offsets = {}
        self.reached: Offsets = {}
        # Asking the subscriber itself for offsets would narrow the topics its pattern looks at, and it would rebalance.
        self.asked = AIOKafkaConsumer(**reaching.broker(ledger.settings), auto_offset_reset="none")
        self.is_taken = True
        """All that was handed out went on."""
        self.has_moved = False
        """Since records were asked for, some partitions were set to where the ledger has them."""
        self._all_at = 0.0
        self._has_looked = False
        self._taking_over: asyncio.Task[None] | None = None

    @property
    def consumer(self) -> Any:
        return self._subscriber().consumer

    # -- ownership -------------------------------------------------------------------------------------------------
    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        async with self.lock:
            await patiently(self._give_up)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """No heartbeat runs in here, so the work is done beside; records that come meanwhile are passed over."""
        await self.lock.acquire()
        self._taking_over = asyncio.create_task(self._take_over({(t.topic, t.partition) for t in assigned}))

    async def _take_over(self, sources: set[Source]) -> None:
        try:
            await patiently(self.recover, sources)
        finally:
            self.lock.release()
        await patiently(self._look_for_left)

    async def _look_for_left(self) -> None:
        """Once: a worker that is back within its session is given what it had, and topics that have appeared meanwhile,
        or that only this release reads, stay nobody's until the group shares out anew. So it is asked to.
        """
        settings = self.ledger.settings
        given = None if self._has_looked else await kafka.given(settings, settings.named(self.ledger.service))
        if given is None or not self.consumer:  # asked to stop meanwhile
            return
        self._has_looked = True
        wanted = {(t, p) for t in self.consumer.subscription() for p in self.consumer.partitions_for_topic(t) or ()}
        if left := wanted - given:
            log.info("partitions are nobody's: the group shares out anew", extra={"count": len(left)})
            self.consumer._coordinator.request_rejoin()  # aiokafka offers no other way

    async def recover(self, sources: set[Source]) -> None:
        """Claim, then publish what is owed, then go to the stored position: in this order."""
        await self.outbox.finished()
        if sources:
            began = time.monotonic()
            begins = await self._ask(self.asked.beginning_offsets, sources)
            claimed, owed = await self.ledger.claim({s: self._unread(s, begin) for s, begin in begins.items()})
            await self._check(claimed, begins)
            self.outbox.begin(owed, began)
            await self.outbox.finished()
            for source in claimed.keys() & self._assigned():  # any other has a next rebalance to bring it here again
                self.stored[source], self.reached[source] = claimed[source], max(claimed[source], begins[source])
                self._seek(source, self.reached[source])
            self.has_moved = True
        log.info("partitions taken over", extra={"count": len(sources)})
        self._hold_others()

    def _unread(self, source: Source, begin: int) -> int:
        """Where one stands that was never read. What is asked of us is ours from its first message: a topic that has
        dropped some, beside a store that knows nothing of them, is no new one.
        """
        return 0 if self.ledger.route(source[0]).topic.kind in ("commands", "door") else begin

    async def _check(self, claimed: Offsets, begins: Offsets) -> None:
        ends, why = await self._ask(self.asked.end_offsets, claimed), dict[Source, str]()
        for source, position in claimed.items():
            if position < begins[source] and self.ledger.route(source[0]).topic.kind != "state":
                why[source] = f"messages {position} to {begins[source] - 1} are gone"
            if position > ends[source]:
                why[source] = f"it ends before {position}: topic or store is another one"
        await self._refuse(why)

    async def _refuse(self, why: Mapping[Source, str]) -> None:
        """For good, and all at once: when the topics have grown again, nobody would see it any more."""
        for source, reason in why.items():
            await self.ledger.refuse(source, reason)
        for (topic, partition), reason in why.items():
            die(f"{topic}/{partition}: {reason}: see docs/operating.md")

    async def _ask(self, what: Callable[[Any], Awaitable[Any]], sources: Iterable[Source]) -> Offsets:
        """Side by side: one by one, each new topic would wait for the broker's metadata anew."""
        found = await asyncio.gather(*(what([TopicPartition(*s)]) for s in sources))
        return {(p.topic, p.partition): offset for one in found for p, offset in one.items()}

    async def _give_up(self) -> None:
        await self.outbox.finished()
        if self.stored:
            await self.ledger.settle(self.stored)
            self.stored.clear()
            self.reached.clear()

    @property
    def waiting(self) -> int:
        """How many keys of mine have messages that are set aside."""
        return sum(lane[:2] in self.stored for lane in list(self.ledger.parked))

    @property
    def unstored(self) -> Offsets:
        """Where partitions stand that have moved by what came to nothing, or whose last words are kept still."""
        return {s: at for s, at in self.reached.items() if at != self.stored[s] or s in self.ledger.owing}

    def _assigned(self, *, running: bool = False) -> set[Source]:
        """running: without those that wait for what must be read first."""
        waits = self.consumer.paused() if running else set()
        return {(p.topic, p.partition) for p in self.consumer.assignment() - waits}

    # -- what must be read first -----------------------------------------------------------------------------------
    def _hold_others(self) -> None:
        if not self.caught_up:
            self.consumer.pause(*(TopicPartition(*s) for s in self._assigned() - set(self.first)))

    async def catch_up(self) -> None:
        ends = await patiently(self._ask, self.asked.end_offsets, self.first)
        while not all([await patiently(self.ledger.position, s) >= end for s, end in ends.items()]):
            await asyncio.sleep(0.1)
        self.caught_up = True
        if self.consumer:
            self.consumer.resume(*self.consumer.paused())

    # -- which records go on ---------------------------------------------------------------------------------------
    def admit(self, records: Iterable[Record]) -> tuple[list[Incoming], Offsets]:
        """Of records that were asked for since partitions moved last: those of ours that are new.

        Returns messages, and where their partitions stand then.
        """
        messages: list[Incoming] = []
        following: Offsets = {}
        closed: set[Source] = set()
        size, ahead = 0, self.ledger.settings.clock_ahead
        for r in records:
            s = (r.topic, r.partition)
            if s not in self.stored or s in closed or r.offset < self.reached[s]:
                continue
            size += len(r.value or b"")
            if size > BATCH_BYTES and messages:
                self._seek(s, following.get(s, self.reached[s]))
                closed.add(s)
                continue
            messages.append(read(r, self.ledger.route(r.topic).topic, ahead))
            following[s] = r.offset + 1
        return messages, following

    async def anew(self) -> list[Record]:
        """What was handed out and lost, from where each of mine is read to."""
        found: list[Record] = []
        mine = {TopicPartition(*s): self.reached[s] for s in self.reached.keys() & self._assigned(running=True)}
        ends = await patiently(self.asked.end_offsets, list(mine))
        for p, at in mine.items():
            more = await patiently(self._past_bad_ones, p, at, ends[p]) if at < ends[p] else []
            found += more
            self.consumer.seek(p, more[-1].offset + 1 if more else at)
        return found

    async def _past_bad_ones(self, p: TopicPartition, at: int, end: int) -> list[Record]:
        try:
            return await past_bad_ones(self.asked, p, at, end)
        except OffsetOutOfRangeError as nothing:
            await self.look_for_gone(nothing.args[0])
            return []

    def hurried(self) -> list[TopicPartition]:
        """Of which partitions records are wanted now: a few times a second of all, and then none is named."""
        now, waits = time.monotonic(), {s for s in self.reached if not self.ledger.route(s[0]).hurried}
        if not waits or now >= self._all_at:
            self._all_at = now + NO_HURRY_MS / 1000
            return []
        return [TopicPartition(*s) for s in (self.reached.keys() & self._assigned()) - waits]

    def look_on(self) -> None:
        """Before more is asked for. What aiokafka passed without handing it out is no message: a transaction's end, or
        what compaction took. If something was handed out and did not go on, it is asked for again.
        """
        for source in self.reached.keys() & self._assigned():
            if not self.is_taken:
                self._seek(source, self.reached[source])
            elif (state := self._state(source)).has_valid_position:
                self.reached[source] = max(self.reached[source], state.position)
        self.is_taken = self.has_moved = False

    async def look_for_gone(self, looked_at: Mapping[TopicPartition, int]) -> None:
        """Where the broker has nothing to be read: if that is where one of ours stands, it has lost it."""
        gone = {t: at for t, at in looked_at.items() if self.reached.get(t) == at}
        await self._refuse({t: f"nothing is there at {at}, where it was read to" for t, at in gone.items()})

    def _seek(self, source: Source, at: int) -> None:
        if source in self._assigned():  # any other has a next take-over
            self.consumer.seek(TopicPartition(*source), at)

    def _state(self, source: Source) -> Any:
        """aiokafka tells a position only to who would wait for it."""
        return self.consumer._subscription.subscription.assignment.state_value(TopicPartition(*source))

    @property
    def behind(self) -> bool:
        """Whether work is in hand, or records wait that nobody was handed: what ends a transaction is none."""
        states = [self._state(source) for source in self._assigned(running=True)]
        return self.lock.locked() or any((s.highwater or 0) > s.position for s in states if s.has_valid_position)
