"""The crash suite's harness: the example pair under load, disturbed on purpose, then every effect counted."""

import asyncio
import json
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient

from contracts.topics import Topic
from contracts.values import Message
from services.chassis import failpoints, kafka, messages
from services.chassis.settings import Settings
from tests import nursery
from tests.chassis.example import IN, MIDDLE, OUT, SECOND, Noise, Tick
from tests.networks import forget

AGGREGATES = 60
POISON: dict[tuple[str, int], Literal["here", "store"]] = {("aggregate-7", 5): "here", ("aggregate-8", 5): "store"}
REPEATED = 0.05
LOSING = ("no_inbox", "offset_first", "no_drain", "each_owns_all+no_fence")
"""Controls under which some of it may never come."""
ENOUGH = 800
"""Ticks that a load under crashes says at least, however quickly the crashes are over."""


@dataclass
class Found:
    """What was wrong in the end. `effects` were counted, so nothing wrong of nothing is not a success.

    taken_over: how often another took over while an owner stood still. woke: how workers ended that woke long after.
    said_late: what they said then. unheard: commits of which their worker did not hear.
    """

    effects: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    absorbed: int = 0
    crashes: int = 0
    taken_over: int = 0
    woke: list[int | None] = field(default_factory=list)
    said_late: int = 0
    unheard: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        return self.lost + self.doubled + self.reordered


@dataclass
class Relay:
    """settings: of a namespace of its own. points: crash points still to be tried, given to workers as they start."""

    settings: Settings
    folder: Path
    control: str = ""
    poison: bool = True
    points: list[str] = field(default_factory=list)
    workers: dict[str, nursery.Child] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    poisoned: dict[str, int] = field(default_factory=dict)
    no_more: set[str] = field(default_factory=set)
    environment: dict[str, str] = field(default_factory=dict)
    watching: set[asyncio.Task[None]] = field(default_factory=set)
    crashes: int = 0
    stopping: bool = False

    # -- workers -------------------------------------------------------------------------------------------------------
    async def spawn(self, service: str, replica: str) -> None:
        """Start a worker; when it dies it is started anew, with the next crash point to be tried."""
        point = next((p for p in self.points if p.startswith(f"{service}/")), None)
        if point:
            self.points.remove(point)
        environment = os.environ | {
            "KAFKA_URL": self.settings.kafka_url,
            "MONGO_URL": self.settings.mongo_url.get_secret_value(),
            "STAFFETTA_NAMESPACE": self.settings.namespace,
            "STAFFETTA_ENV": "test",
            "REPLICA": replica,
            "FAILPOINT": point.split("/")[1] if point else "",
            "HTTP_PORT": "0",
        } | self.environment  # fmt: skip
        args = [service, *([self.control] if self.control else [])]
        log = self.folder / f"{service}-{replica}.log"
        process = await nursery.start("tests.chassis.example", *args, environment=environment, log=log)
        self.workers[f"{service}-{replica}"] = process
        if self.stopping:
            process.kill()
        self.watching.add(asyncio.create_task(self._again(service, replica, process, point)))

    async def _again(self, service: str, replica: str, process: nursery.Child, point: str | None) -> None:
        code = await process.wait()
        if point and code != failpoints.EXIT_CODE:
            self.points.append(point)
        if not self.stopping and f"{service}-{replica}" not in self.no_more:
            if code in (failpoints.EXIT_CODE, -signal.SIGKILL):
                self.crashes += 1
            else:  # as a supervisor would wait, or two that end each other would do nothing else
                await asyncio.sleep(random.uniform(0, 1))
            await self.spawn(service, replica)

    def kill(self, name: str) -> None:
        self.workers[name].send_signal(signal.SIGKILL)

    async def freeze(self, name: str, other: str) -> bool:
        """Until another took over; whether it did."""
        process, before, until = self.workers[name], self.taken_over(other), time.monotonic() + 90
        process.send_signal(signal.SIGSTOP)
        while self.taken_over(other) == before and time.monotonic() < until:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        process.send_signal(signal.SIGCONT)
        return self.taken_over(other) > before

    async def stop(self) -> None:
        self.stopping = True
        for process in self.workers.values():
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(p.wait() for p in self.workers.values()))

    # -- load ----------------------------------------------------------------------------------------------------------
    async def load(self, rng: random.Random, rate: float, until: Callable[[], bool]) -> None:
        """Ticks at `rate` a second, one in twenty of them twice, until told; two aggregates get a poisoned one, of
        which one is refused by the store.

        Between them noise, enough at once that whole batches come to nothing.
        """
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_url, enable_idempotence=True, acks="all")
        await producer.start()
        repeats: list[Tick] = []
        try:
            while not until():
                began = time.monotonic()
                for _ in range(max(1, int(rate / 10))):
                    await self._send(producer, self._next(rng), rng, repeats)
                if rng.random() < 0.3:
                    await self.noise(producer, 12)
                await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
            for tick in repeats:
                await self._produce(producer, tick)
        finally:
            await producer.stop()

    def _next(self, rng: random.Random) -> Tick:
        aggregate = f"aggregate-{rng.randrange(AGGREGATES)}"
        number = self.sent[aggregate] = self.sent[aggregate] + 1
        poison = POISON.get((aggregate, number), "") if self.poison else ""
        if poison:
            self.poisoned[aggregate] = number
        return Tick(aggregate=aggregate, number=number, poison=poison)

    async def _send(self, producer: AIOKafkaProducer, tick: Tick, rng: random.Random, repeats: list[Tick]) -> None:
        await self._produce(producer, tick)
        if rng.random() < REPEATED:
            repeats.append(tick)
        if len(repeats) > 20:
            await self._produce(producer, repeats.pop(0))

    async def say(self, *ticks: Tick) -> None:
        """These at once, and only these."""
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_url, enable_idempotence=True)
        async with producer:
            for tick in ticks:
                self.sent[tick.aggregate] = tick.number
                if tick.poison:
                    self.poisoned.setdefault(tick.aggregate, tick.number)
                await self._produce(producer, tick)

    async def noise(self, producer: AIOKafkaProducer, count: int) -> None:
        for n in range(count):
            noise = Noise(aggregate=f"aggregate-{n % AGGREGATES}")
            await self._say(producer, noise, noise.aggregate, uuid4())

    async def _produce(self, producer: AIOKafkaProducer, tick: Tick) -> None:
        id = uuid5(NAMESPACE_OID, f"{self.settings.namespace}/{tick.aggregate}/{tick.number}")
        await self._say(producer, tick, tick.aggregate, id)

    async def _say(self, producer: AIOKafkaProducer, said: Message, aggregate: str, id: UUID) -> None:
        headers = messages.headers(
            id=id, source="/tests", type=said.TYPE, time=datetime(2026, 11, 24, tzinfo=UTC), subject=aggregate,
            correlation_id=aggregate,
        )  # fmt: skip
        value = said.model_dump_json().encode()
        await producer.send(self.settings.named(IN.name), value, key=aggregate.encode(), headers=headers)

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Any]:
        client: Any = AsyncIOMotorClient(self.settings.mongo_url.get_secret_value(), timeoutMS=5000, tz_aware=True)
        try:
            yield client[self.settings.named(service)]
        finally:
            client.close()

    async def assigned(self, service: str) -> None:
        """Wait until a service's workers have claimed their partitions."""
        async with self.database(service) as db:
            while await db.offsets.count_documents({"next": {"$ne": None}}) == 0:
                await asyncio.sleep(0.1)

    async def flowing(self) -> None:
        """Wait until every partition of the middle topic has moved."""
        while min(await self.ends(MIDDLE)) == 0:
            await asyncio.sleep(0.1)

    async def ends(self, *topics: Topic) -> list[int]:
        """How many records each partition has."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_url)
        await consumer.start()
        try:
            at = [TopicPartition(self.settings.named(t.name), p) for t in topics for p in range(t.partitions)]
            return list((await consumer.end_offsets(at)).values())
        finally:
            await consumer.stop()

    def taken_over(self, name: str) -> int:
        """How often a worker took partitions over, as its log says."""
        return self.logged(name, "partitions taken over")

    def logged(self, name: str, words: str) -> int:
        return (self.folder / f"{name}.log").read_text("utf-8").count(words)

    # -- the count -----------------------------------------------------------------------------------------------------
    @property
    def expected(self) -> dict[str, int]:
        """Ticks that must have an effect, by aggregate: all before a poisoned one."""
        return {a: self.poisoned.get(a, n + 1) - 1 for a, n in self.sent.items()}

    async def settled(self, seconds: float) -> bool:
        """Wait until every effect has come to the last topic and nothing is owed, or for so long nothing comes."""
        client: AsyncIOMotorClient = AsyncIOMotorClient(self.settings.mongo_url.get_secret_value(), timeoutMS=5000)
        first, second = (client[self.settings.named(s)] for s in ("first", "second"))
        wanted, done, until = sum(self.expected.values()), 0, time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                try:
                    came = sum([len(set(d["seen"])) async for d in second.sums.find()])
                    owing = sum([await db.offsets.count_documents({"owed": {"$ne": None}}) for db in (first, second)])
                except Exception:
                    await asyncio.sleep(0.3)
                    continue
                if came >= wanted and not owing:
                    await asyncio.sleep(1.5)
                    return True
                if came > done:
                    done, until = came, time.monotonic() + seconds
                await asyncio.sleep(0.2)
            return False
        finally:
            client.close()

    async def count(self) -> Found:
        found = Found(crashes=self.crashes)
        client: AsyncIOMotorClient = AsyncIOMotorClient(self.settings.mongo_url.get_secret_value())
        first, second = (client[self.settings.named(s)] for s in ("first", "second"))
        counts = {d["_id"]: d async for d in first.counts.find()}
        for aggregate, n in self.expected.items():
            seen = counts.get(aggregate, {"seen": []})["seen"]
            self._compare(found, f"first {aggregate}", seen, list(range(1, n + 1)))
        added = [x async for d in second.sums.find() for x in d["seen"]]
        wanted = {f"{a}:{i}" for a, n in self.expected.items() for i in range(1, n + 1)}
        found.effects, found.lost = len(set(added)), found.lost + len(wanted - set(added))
        found.doubled += len(added) - len(set(added)) + len(set(added) - wanted)
        for topic in (MIDDLE.name, OUT.name):
            await self._check_topic(found, topic)
        for db in (first, second):
            found.lost += await db.offsets.count_documents({"owed": {"$ne": None}})
        client.close()
        return found

    @staticmethod
    def _compare(found: Found, what: str, seen: list[int], wanted: list[int]) -> None:
        found.lost += len(set(wanted) - set(seen))
        found.doubled += len(seen) - len(set(seen)) + len(set(seen) - set(wanted))
        inversions = sum(a > b for a, b in pairwise(seen))
        found.reordered += inversions
        if seen != wanted:
            found.notes.append(f"{what}: {len(seen)} of {len(wanted)}, {inversions} out of order")

    async def _check_topic(self, found: Found, topic: str) -> None:
        """First occurrences of each id, by key: versions rise by one."""
        last: dict[str, int] = defaultdict(int)
        ids: set[str] = set()
        async for key, id, version in self._read(topic):
            if id in ids:
                found.absorbed += 1
                continue
            ids.add(id)
            found.reordered += version != last[key] + 1
            if version != last[key] + 1:
                found.notes.append(f"{topic} {key}: {version} after {last[key]}")
            last[key] = max(last[key], version)

    async def _read(self, topic: str) -> AsyncIterator[tuple[str, str, int]]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_url, auto_offset_reset="earliest")
        await consumer.start()
        try:
            name = self.settings.named(topic)
            at = [TopicPartition(name, p) for p in range(6)]
            consumer.assign(at)
            ends = await consumer.end_offsets(at)
            await consumer.seek_to_beginning(*at)
            while any([await consumer.position(p) < ends[p] for p in at]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for r in records:
                        version = json.loads(r.value)["version"]
                        yield r.key.decode(), dict(r.headers)["ce_id"].decode(), version
        finally:
            await consumer.stop()


@asynccontextmanager
async def relay(
    settings: Settings, folder: Path, *, replicas: int = 2, control: str = "", points: Iterable[str] = ()
) -> AsyncIterator[Relay]:
    """The example pair, running in a namespace of its own."""
    own = settings.model_copy(update={"namespace": f"relay{uuid4().hex[:8]}"})
    await kafka.ensure_topics(own, [(t.name, t) for t in (IN, MIDDLE, SECOND, OUT)])
    running = Relay(own, folder, control, "no_inbox" not in control, list(points))
    try:
        for service in ("first", "second"):
            for replica in range(replicas):
                await running.spawn(service, str(replica))
        yield running
    finally:
        await running.stop()
        await forget(own)


async def crash_at_every_point(settings: Settings, folder: Path, times: int, control: str = "",
                               names: tuple[str, ...] = failpoints.NAMES) -> Found:  # fmt: skip
    """Both services crash at each named point `times` times under load with repeats and poison."""
    points = [f"{s}/{p}:{2 + i}" for i in range(times) for p in names for s in ("first", "second")]
    async with relay(settings, folder, points=points, control=control) as running:
        deadline = time.monotonic() + 30 + 8 * len(points)

        def over() -> bool:
            crashed = running.crashes >= len(points) and sum(running.sent.values()) >= ENOUGH
            return crashed or time.monotonic() > deadline

        await running.load(random.Random(7), 150, over)
        return await _settle_and_count(running)


async def freeze_owners(settings: Settings, folder: Path, times: int, control: str = "") -> Found:
    """Owners are frozen until another worker has taken over, and wake again under load."""
    async with relay(settings, folder, control=control) as running:
        taken_over = 0

        async def disturb() -> None:
            nonlocal taken_over
            while not all(map(running.taken_over, running.workers)):
                await asyncio.sleep(0.1)
            for i in range(times):
                service, frozen = ("first", "second")[i % 2], i // 2 % 2
                other = f"{service}-{1 - frozen}"
                taken_over += await running.freeze(f"{service}-{frozen}", other)
                await asyncio.sleep(2)

        found = await _under_load(running, disturb())
        found.taken_over = taken_over
        return found


async def wake_owners(settings: Settings, folder: Path, control: str = "") -> Found:
    """Owners stand still before they say what they owe, and wake when others have said it and all else."""
    async with relay(settings, folder, control=f"freezes+{control}") as running:
        frozen = [running.workers[name] for name in ("first-0", "second-0")]
        running.no_more |= {"first-0", "second-0"}
        found = await _under_load(running, asyncio.sleep(8))
        all_said = sum(await running.ends(MIDDLE, SECOND, OUT))
        for worker in frozen:
            worker.send_signal(signal.SIGCONT)
        await asyncio.wait([asyncio.create_task(worker.wait()) for worker in frozen], timeout=10)
        found.woke = [worker.returncode for worker in frozen]
        found.said_late = sum(await running.ends(MIDDLE, SECOND, OUT)) - all_said
        return found


async def lose_answers(settings: Settings, folder: Path) -> Found:
    """The store does what it is asked, and whoever asks does not hear of it the first time."""
    async with relay(settings, folder, control="lost_answers") as running:
        found = await _under_load(running, asyncio.sleep(4))
        found.unheard = sum(running.logged(name, "my own commit landed unseen") for name in running.workers)
        return found


async def two_owners(settings: Settings, folder: Path, seconds: int, control: str = "") -> Found:
    """Two workers each believe that they own every partition, for as long as the load lasts."""
    async with relay(settings, folder, control=f"each_owns_all+{control}") as running:
        return await _under_load(running, asyncio.sleep(seconds))


async def _under_load(running: Relay, disturbance: Awaitable[None]) -> Found:
    done = asyncio.Event()
    load = asyncio.create_task(running.load(random.Random(8), 150, done.is_set))
    await asyncio.sleep(4)
    await disturbance
    done.set()
    await load
    return await _settle_and_count(running)


async def _settle_and_count(running: Relay) -> Found:
    settled = await running.settled(15 if running.control.strip("+") in LOSING else 60)
    found = await running.count()
    found.notes += [] if settled else ["did not settle"]
    return found
