"""`./dev bench flat`: what an event costs where 1,000 and where 200,000 referrals are stored, in one run.

Two networks side by side, each with a worker of its own. In each, the real service takes one intake; what it stored of
it is stored again under other names, beside the inbox that so many would have left. Then both are told the same, in
turns whose order changes: commands to referrals of their own, one step of each after the other, and new intakes. On a
store of one's own (MONGO_URL) the databases `flat...` stay.
"""

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import bson
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console
from rich.table import Table

from contracts import catalogue
from contracts.events import ReferralAccepted, ReferralAcknowledged, ReferralClosed, ReferralSent, ReferralStarted
from contracts.notifications import public_code
from contracts.topics import REFERRALS, TOPICS
from contracts.values import Message
from services.chassis import kafka, messages
from services.chassis.settings import Settings
from services.referral import store
from services.referral.domain.candidates import all_of
from services.referral.domain.needs import referral_id
from tests.bench.hop import store_process
from tests.bench.roomy import roomy
from tests.builders import a_command, a_recorded_intake, an_agency, an_offer

STORED = (1_000, 200_000)
CHANGED, OPENED, ROUNDS = 200, 200, 5
AT_ONCE, INBOX_BATCH, MESSAGES = 1000, 100, 4
"""A referral has by then been four messages to the service: an intake, a journey, a need, a command."""
PATIENCE_S, REST_S = 120, 2
STEPS: dict[str, type[Message]] = {
    "acknowledge": ReferralAcknowledged, "accept": ReferralAccepted, "start": ReferralStarted, "close": ReferralClosed,
}  # fmt: skip
"""The life of a referral: what its receiver says, and what follows."""
RECEIVER = "pa.accura"
LEFT = frozenset(store.AGGREGATES)
Doc = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """Milliseconds an event."""

    wall: float
    worker_cpu: float
    store_cpu: float


@dataclass
class Network:
    """template: what the service stored of one intake, by collection."""

    settings: Settings
    stored: int
    engine: psutil.Process | None
    db: Any
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    worker: asyncio.subprocess.Process
    template: dict[str, list[Doc]] = field(default_factory=dict)

    async def prepare(self) -> None:
        await self.db.agencies.insert_many([_entry(an_agency("pa.comune")), _entry(an_agency(RECEIVER))])
        await self.db.offers.insert_one(_entry(an_offer()))
        await self.db.agencies.insert_one({"_id": all_of("health.primary"), "offers": 1})
        await self.cost([_intake(_id(0))], ReferralSent)
        await asyncio.sleep(REST_S)  # the journey is written after it
        for name in LEFT:
            self.template[name] = [doc async for doc in self.db[name].find()]
            await self.db[name].delete_many({})
            await insert(self.db[name], (_again(doc, n) for n in range(self.stored) for doc in self.template[name]))
            print(f"{name}: as of {self.stored:,} intakes", file=sys.stderr)
        ids = [str(uuid4()) for _ in range(INBOX_BATCH)]
        batches = range(self.stored * MESSAGES // INBOX_BATCH)
        docs = ({"at": datetime.now(UTC), "ids": [f"{n:08x}{id[8:]}" for id in ids]} for n in batches)
        await insert(self.db.inbox, docs)

    async def round(self, number: int) -> dict[str, Cost]:
        chosen = random.Random(self.stored).sample(range(self.stored), ROUNDS * CHANGED)[number::ROUNDS]
        steps = []
        for command, event in STEPS.items():
            told = [a_command(command, _receiver(n), referral_id=referral_id(_id(n), 0)) for n in chosen]
            steps.append(astuple(await self.cost(told, event)))
        opened = await self.cost([_intake(uuid4()) for _ in range(OPENED)], ReferralSent)
        return {
            "a command changes a referral": Cost(*(sum(costs) / len(STEPS) for costs in zip(*steps, strict=True))),
            "an intake becomes a referral": opened,
        }

    async def cost(self, told: list[Any], answer: type[Message]) -> Cost:
        """From the first message to the last event that follows, after a rest."""
        await asyncio.sleep(REST_S)
        await self.consumer.seek_to_end()
        [await self.consumer.position(p) for p in self.consumer.assignment()]
        processes = [psutil.Process(self.worker.pid), self.engine]
        began, before = time.monotonic(), [_cpu(process) for process in processes]
        for message in told:
            row = catalogue.BY_MODEL[type(message)]
            topic, key = self.settings.named(row.topic_by("intake").name), row.key_of(message)
            headers = messages.headers(
                id=uuid4(), source="/bench", type=row.type, time=datetime.now(UTC), subject=key, correlation_id=key
            )
            await self.producer.send(topic, message.model_dump_json().encode(), key=key.encode(), headers=headers)
        await self._followed(len(told), answer.TYPE.encode())
        spent = [_cpu(process) - cpu for process, cpu in zip(processes, before, strict=True)]
        return Cost(*(seconds * 1000 / len(told) for seconds in (time.monotonic() - began, *spent)))

    async def _followed(self, count: int, type: bytes) -> None:
        until, seen = time.monotonic() + PATIENCE_S, 0
        while seen < count:
            if time.monotonic() > until or self.worker.returncode is not None:
                raise SystemExit(f"{seen} of {count} events followed where {self.stored:,} referrals are stored")
            for records in (await self.consumer.getmany(timeout_ms=50)).values():
                seen += sum(dict(record.headers)["ce_type"] == type for record in records)


# -- a network ---------------------------------------------------------------------------------------------------------


async def _open(stored: int, settings: Settings) -> Network:
    settings = settings.model_copy(update={"namespace": f"flat{stored}-{uuid4().hex[:8]}"})
    await kafka.ensure_topics(settings, [(t.name, t) for t in TOPICS if not t.one_per_agency])
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value(), tz_aware=True)
    db = client[settings.named("referral")]
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, acks="all", linger_ms=5)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(settings.named(REFERRALS.name), p) for p in range(REFERRALS.partitions)])
    told = {"MONGO_URL": settings.mongo_url.get_secret_value(), "STAFFETTA_NAMESPACE": settings.namespace,
            "STAFFETTA_ENV": "test", "HTTP_PORT": "0", "REPLICA": "0"}  # fmt: skip
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.referral", env=os.environ | told, stdout=asyncio.subprocess.DEVNULL
    )
    return Network(settings, stored, store_process(settings), db, producer, consumer, worker)


async def _close(network: Network) -> None:
    await network.consumer.stop()
    await network.producer.stop()
    if network.worker.returncode is None:
        network.worker.kill()
    await network.worker.wait()
    network.db.client.close()


def _cpu(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0


# -- what is stored and said -------------------------------------------------------------------------------------------


def _id(n: int) -> UUID:
    return uuid5(UUID(int=0), f"intake:{n}")


def _receiver(n: int) -> str:
    """A thousand agencies, with names as long as that of the template."""
    return f"pa.r{n % 1000:05}"


def _intake(id: UUID) -> Message:
    return a_recorded_intake(intake_id=id, person_ref=f"p-{id}")


def _entry(of: Any) -> Doc:
    return of.model_dump(mode="json", by_alias=True) | {"_id": of.code}


def _again(doc: Doc, n: int) -> RawBSONDocument:
    """The same under the names of the n-th intake, which are as long; what is due is due n seconds later."""
    later = {name: doc[name] + timedelta(days=1, seconds=n) for name in ("next_at", "due_at") if doc.get(name)}
    raw = bson.encode(doc | later)
    for was, now in zip(_names(0, RECEIVER), _names(n, _receiver(n)), strict=True):
        raw = raw.replace(was.encode(), now.encode())
    return RawBSONDocument(raw)


def _names(n: int, receiver: str) -> tuple[str, ...]:
    id = referral_id(_id(n), 0)
    return str(_id(n)), str(id), public_code(id, "palermo"), receiver


async def insert(collection: Any, docs: Iterable[Any]) -> None:
    some: list[Any] = []
    for doc in docs:
        some.append(doc)
        if len(some) == AT_ONCE:
            await collection.insert_many(some)
            some = []
    if some:
        await collection.insert_many(some)


# -- the run -----------------------------------------------------------------------------------------------------------


async def main() -> None:
    with roomy("4G") as settings:
        await _measure(settings)


async def _measure(settings: Settings) -> None:
    networks = [await _open(stored, settings) for stored in STORED]
    found: dict[int, list[dict[str, Cost]]] = {stored: [] for stored in STORED}
    try:
        for network in networks:
            await network.prepare()
        for number in range(ROUNDS):
            for network in networks[:: -1 if number % 2 else 1]:
                found[network.stored].append(await network.round(number))
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        Console(width=110).print(_table(found))
    finally:
        await asyncio.gather(*(_close(network) for network in networks))


def _table(found: dict[int, list[dict[str, Cost]]]) -> Table:
    few, many = STORED
    table = Table("event", "ms", f"{few:,} stored", f"{many:,} stored", "ratio min", "median", "max")
    for event in found[few][0]:
        costs = {stored: [astuple(measured[event]) for measured in rounds] for stored, rounds in found.items()}
        for n, what in enumerate(("wall", "worker CPU", "store CPU")):
            table.add_row(event, what, *_row([c[n] for c in costs[few]], [c[n] for c in costs[many]]))
    return table


def _row(few: list[float], many: list[float]) -> Iterator[str]:
    """Medians; and the ratio of the two of each round."""
    yield from (f"{statistics.median(costs):.2f}" for costs in (few, many))
    ratios = sorted(b / a for a, b in zip(few, many, strict=True) if a)
    yield from (f"{ratio:.2f} x" for ratio in (ratios[0], statistics.median(ratios), ratios[-1]))


if __name__ == "__main__":
    asyncio.run(main())
