"""`./dev bench timers`: 10,000 timers that fall due at one instant, from the sweep to the last event on the topic."""

import asyncio
import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from aiokafka import AIOKafkaConsumer, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console
from rich.table import Table

from contracts.events import TimerFired
from contracts.topics import REFERRALS
from services.chassis import kafka
from services.chassis.settings import Settings, from_environment
from services.referral import calendar, store
from services.referral.domain import timers
from services.referral.domain.referral import Referral, reach_of
from tests.builders import a_need, a_referral

TIMERS, WORKERS = 10_000, (1, 2)


async def main() -> None:
    settings, table = from_environment(), Table("workers", "timers due", "s", "timers a second")
    for workers in WORKERS:
        own = settings.model_copy(update={"namespace": f"timers{uuid4().hex[:8]}"})
        seconds = await measure(own, workers)
        table.add_row(str(workers), f"{TIMERS:,}", f"{seconds:.1f}", f"{TIMERS / seconds:,.0f}")
    Console(width=90).print(table)


async def measure(settings: Settings, workers: int) -> float:
    """Seconds from the start of the last worker's first sweep to the last event, starting up left out."""
    await kafka.ensure_topics(settings, [(REFERRALS.name, REFERRALS)])
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    started = [await _start(settings, str(n)) for n in range(workers)]
    try:
        await _ready(settings, client[settings.named("referral")], workers)
        consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
        await consumer.start()
        await _fill(client[settings.named("referral")])
        began = time.monotonic()
        await _all_fired(consumer, settings)
        await consumer.stop()
        return time.monotonic() - began
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
            await process.wait()
        client.close()


async def _start(settings: Settings, replica: str) -> asyncio.subprocess.Process:
    told = {"STAFFETTA_NAMESPACE": settings.namespace, "STAFFETTA_ENV": "test", "HTTP_PORT": "0", "REPLICA": replica}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.referral", env=os.environ | told, stdout=asyncio.subprocess.DEVNULL
    )


async def _ready(settings: Settings, db: Any, workers: int) -> None:
    """Every partition of the service's commands has an owner, and there are as many owners as workers."""
    place = settings.named("referral.commands")
    while True:
        offsets = [doc async for doc in db.offsets.find()]
        owners = {doc["owner"] for doc in offsets if str(doc["_id"]).startswith(place)}
        if len(owners) == workers:
            return await asyncio.sleep(2)
        await asyncio.sleep(0.1)


async def _fill(db: Any) -> None:
    """All in one insertion for each thousand, so that the first sweep meets them all."""
    now = datetime.now(UTC)
    docs = [_document(_waiting(uuid5(UUID(int=1), str(n)), now - timedelta(days=2))) for n in range(TIMERS)]
    hidden = [doc | {"next_at": None} for doc in docs]
    for n in range(0, TIMERS, 1000):
        await db.referrals.insert_many(hidden[n : n + 1000])
    await db.referrals.update_many({"next_at": None}, {"$set": {"next_at": now}})


def _waiting(id: UUID, sent_at: datetime) -> Referral:
    """Asked two business days ago or less, and reminded of nothing yet."""
    referral = a_referral(referral_id=id, need=a_need(need_id=id, person_ref=f"p-{id}"), version=1, sent_at=sent_at)
    reach = reach_of("acknowledge", referral, sent_at, calendar.of("palermo", sent_at))
    running = timers.start("acknowledge", 1, sent_at, timers.of_referral("acknowledge", "MEDIUM"), reach, sent_at)
    first = replace(running.steps[0], at=datetime.now(UTC) - timedelta(seconds=1))
    later = tuple(replace(step, at=step.at + timedelta(days=30)) for step in running.steps[1:])
    return replace(referral, timers=(replace(running, steps=(first, *later)),))


def _document(referral: Referral) -> dict[str, Any]:
    doc: dict[str, Any] = store.REFERRAL.dump_python(referral, mode="json")
    return doc | {"_id": str(referral.referral_id), "due_at": referral.due_at, "code": referral.code}


async def _all_fired(consumer: AIOKafkaConsumer, settings: Settings) -> None:
    at = [TopicPartition(settings.named(REFERRALS.name), p) for p in range(REFERRALS.partitions)]
    consumer.assign(at)
    await consumer.seek_to_beginning(*at)
    fired: set[bytes] = set()
    while len(fired) < TIMERS:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            fired |= {record.key for record in records if dict(record.headers)["ce_type"] == TimerFired.TYPE.encode()}


if __name__ == "__main__":
    asyncio.run(main())
