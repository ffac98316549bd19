"""One hop in five styles, each a process of its own: `python -m tests.bench.rows <row>` reads, counts and passes on.

raw           aiokafka in and out, validated, no state
unguarded     raw and one bulk write a batch: nothing holds the two together
default       FastStream as its first page shows it: one event a call, a write and a publish, offsets by themselves
careful       one transaction an event: inbox, state, outbox, offset; then publish and delete
chassis       the whole guarantee
traced        the same, every span exported over OTLP
"""

import asyncio
import os
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faststream import FastStream
from faststream.kafka import KafkaBroker
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import UpdateOne
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts import catalogue
from contracts.catalogue import Row
from contracts.topics import Topic
from contracts.values import Message
from services.chassis.handlers import Handlers
from services.chassis.records import MOST
from services.chassis.service import Service, run
from services.chassis.settings import Settings, from_environment
from services.chassis.transaction import Transaction

IN = Topic("hop.commands", "commands", "hop", "aggregate", 6, 1, ("hop",))
OUT = Topic("hopped", "events", "hop", "aggregate", 6, 1, ())


class Hop(Message):
    TYPE = "staffetta.bench.hop.v1"

    aggregate: str
    number: int
    padding: str = ""


class Hopped(Message):
    TYPE = "staffetta.bench.hopped.v1"

    aggregate: str
    number: int
    padding: str
    version: int


for row in (Row(Hop, IN, "aggregate"), Row(Hopped, OUT, "aggregate")):
    catalogue.BY_MODEL[row.model], catalogue.BY_TYPE[row.type] = row, row.model

handlers = Handlers()


@handlers.on(IN, owns=("cases",))
async def on_hop(hop: Hop, tx: Transaction) -> None:
    doc = await tx.load("cases", hop.aggregate) or {"_id": hop.aggregate, "version": 0}
    doc |= {"version": doc["version"] + 1, "number": hop.number, "padding": hop.padding}
    tx.save("cases", doc)
    tx.emit(Hopped(version=doc["version"], **hop.model_dump()))


def hopped(hop: Hop, version: int) -> bytes:
    return Hopped(version=version, **hop.model_dump()).model_dump_json().encode()


def client(settings: Settings) -> Any:
    return AsyncIOMotorClient(settings.mongo_url.get_secret_value(), timeoutMS=10_000)


def reader(settings: Settings) -> AIOKafkaConsumer:
    where = {"bootstrap_servers": settings.kafka_url, "group_id": settings.named("hop")}
    return AIOKafkaConsumer(settings.named(IN.name), auto_offset_reset="earliest", enable_auto_commit=False, **where)


async def loop(settings: Settings, write: Any) -> None:
    """aiokafka as its documentation shows it, in batches of as many as the chassis may take."""
    consumer = reader(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, enable_idempotence=True, acks="all")
    await consumer.start()
    await producer.start()
    while True:
        batch = await consumer.getmany(timeout_ms=100, max_records=MOST)
        hops = [Hop.model_validate_json(r.value) for records in batch.values() for r in records]
        if hops:
            await write(hops)
            sent = [await producer.send(settings.named(OUT.name), hopped(h, 0), key=h.aggregate.encode()) for h in hops]
            await asyncio.gather(*sent)
            await consumer.commit()


async def raw(settings: Settings) -> None:
    async def nothing(_hops: list[Hop]) -> None:
        return None

    await loop(settings, nothing)


async def unguarded(settings: Settings) -> None:
    cases = client(settings)[settings.named("hop")].cases

    async def write(hops: list[Hop]) -> None:
        await cases.bulk_write([_counted(h) for h in hops], ordered=False)

    await loop(settings, write)


def _counted(hop: Hop) -> UpdateOne:
    change = {"$inc": {"version": 1}, "$set": {"number": hop.number, "padding": hop.padding}}
    return UpdateOne({"_id": hop.aggregate}, change, upsert=True)


async def default(settings: Settings) -> None:
    broker = KafkaBroker(settings.kafka_url, logger=None)
    cases = client(settings)[settings.named("hop")].cases

    @broker.subscriber(settings.named(IN.name), group_id=settings.named("hop"), auto_offset_reset="earliest")
    @broker.publisher(settings.named(OUT.name))
    async def on_hop(hop: Hop) -> Hopped:
        doc = await cases.find_one({"_id": hop.aggregate}) or {"version": 0}
        version = doc["version"] + 1
        await cases.update_one(
            {"_id": hop.aggregate}, {"$set": {"version": version, "number": hop.number}}, upsert=True
        )
        return Hopped(version=version, **hop.model_dump())

    await FastStream(broker, logger=None).run()


async def careful(settings: Settings) -> None:
    store = client(settings)
    db = store[settings.named("hop")]
    for name in ("cases", "inbox", "outbox", "offsets"):
        await db[name].update_one({"_id": 0}, {"$set": {}}, upsert=True)
    consumer = reader(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_url, enable_idempotence=True, acks="all")
    await consumer.start()
    await producer.start()
    async with await store.start_session() as session:
        async for record in consumer:
            await _one(session, db, record)
            hop = Hop.model_validate_json(record.value)
            await producer.send_and_wait(settings.named(OUT.name), hopped(hop, 0), key=record.key)
            await db.outbox.delete_one({"_id": f"{record.partition}:{record.offset}"})
            await consumer.commit({TopicPartition(record.topic, record.partition): record.offset + 1})


async def _one(session: Any, db: Any, record: Any) -> None:
    hop, id = Hop.model_validate_json(record.value), f"{record.partition}:{record.offset}"
    async with session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")):
        if await db.inbox.find_one({"_id": id}, session=session):
            return
        await db.inbox.insert_one({"_id": id}, session=session)
        doc = await db.cases.find_one({"_id": hop.aggregate}, session=session) or {"version": 0}
        change = {"version": doc["version"] + 1, "number": hop.number, "padding": hop.padding}
        await db.cases.update_one({"_id": hop.aggregate}, {"$set": change}, upsert=True, session=session)
        await db.outbox.insert_one({"_id": id, "value": hopped(hop, change["version"])}, session=session)
        where = {"_id": record.partition}
        await db.offsets.update_one(where, {"$set": {"next": record.offset + 1}}, upsert=True, session=session)


ROWS = {"raw": raw, "unguarded": unguarded, "default": default, "careful": careful}

if __name__ == "__main__":
    os.environ.setdefault("STAFFETTA_ENV", "test")
    if sys.argv[1] in ("chassis", "traced"):
        run(Service("hop", handlers))
    else:
        asyncio.run(ROWS[sys.argv[1]](from_environment()))
