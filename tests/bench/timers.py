"""`./dev bench timers`: 10,000 timers that fall due at one instant, from the sweep to the last event on the topic."""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

from aiokafka import AIOKafkaConsumer, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient
from rich.console import Console
from rich.table import Table

from contracts.beside import TimerFired
from contracts.topics import REFERRALS
from services.chassis import kafka
from services.chassis.settings import Settings, from_environment
from services.referral import calendar, store
from services.referral.domain import timers
from services.referral.domain.referral import Referral, reach_of
from tests.builders import a_need, a_referral

TIMERS, AT_ONCE, WORKERS = 10_000, 1000, (1, 2)
AHEAD = timedelta(days=1)


async def main() -> None:
    settings, table = from_environment(), Table("workers", "timers due", "s", "timers a second")
    for workers in WORKERS:
        own = settings.model_copy(update={"namespace": f"timers{uuid4().hex[:8]}"})
        with tempfile.TemporaryDirectory() as folder:
            seconds = await measure(own, workers, Path(folder) / "clock")
        table.add_row(str(workers), f"{TIMERS:,}", f"{seconds:.1f}", f"{TIMERS / seconds:,.0f}")
    Console(width=90).print(table)


async def measure(settings: Settings, workers: int, clock: Path) -> float:
    """Seconds from the moment when all are due to the last event; the workers run already."""
    await kafka.ensure_topics(settings, [(REFERRALS.name, REFERRALS)])
    _set(clock, timedelta(0))
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    db = client[settings.named("referral")]
    started = [await _start(settings, str(n), clock) for n in range(workers)]
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url)
    await consumer.start()
    try:
        await _ready(settings, db, workers)
        await _fill(db)
        began = time.monotonic()
        _set(clock, 2 * AHEAD)
        await _all_fired(consumer, settings, started)
        return time.monotonic() - began
    finally:
        await consumer.stop()
        for process in started:
            if process.returncode is None:
                process.kill()
            await process.wait()
        client.close()


def _set(clock: Path, ahead: timedelta) -> None:
    clock.write_text(str(ahead.total_seconds()))


async def _start(settings: Settings, replica: str, clock: Path) -> asyncio.subprocess.Process:
    told = {"STAFFETTA_NAMESPACE": settings.namespace, "STAFFETTA_ENV": "test", "HTTP_PORT": "0", "REPLICA": replica}
    environment = os.environ | told | {"CLOCK_FILE": str(clock)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.referral", env=environment, stdout=asyncio.subprocess.DEVNULL
    )


async def _ready(settings: Settings, db: Any, workers: int) -> None:
    """Every partition of the service's commands has an owner, and there are as many owners as workers."""
    place = settings.named("referral.commands")
    owners: set[str] = set()
    while len(owners) < workers:
        await asyncio.sleep(0.1)
        owners = {doc["owner"] async for doc in db.offsets.find() if str(doc["_id"]).startswith(place)}


async def _fill(db: Any) -> None:
    """One step of each falls due tomorrow, a millisecond after that of the one before; the other steps much later."""
    now = datetime.now(UTC)
    for n in range(0, TIMERS, AT_ONCE):
        docs = [_document(_waiting(i, now)) for i in range(n, n + AT_ONCE)]
        await db.referrals.insert_many(docs)


def _waiting(n: int, now: datetime) -> Referral:
    id, sent_at = uuid5(UUID(int=1), str(n)), now + timedelta(milliseconds=n)
    referral = a_referral(referral_id=id, need=a_need(need_id=id, person_ref=f"p-{id}"), version=1, sent_at=sent_at)
    reach = reach_of("acknowledge", referral, sent_at, calendar.of("palermo", sent_at))
    running = timers.start("acknowledge", 1, sent_at, timers.of_referral("acknowledge", "MEDIUM"), reach, sent_at)
    first, *later = running.steps
    steps = (replace(first, at=sent_at + AHEAD), *(replace(step, at=step.at + 30 * AHEAD) for step in later))
    return replace(referral, timers=(replace(running, steps=steps),))


def _document(referral: Referral) -> dict[str, Any]:
    doc: dict[str, Any] = store.REFERRAL.dump_python(referral, mode="json")
    indexed = {"due_at": referral.due_at, "next_at": referral.next_at, "code": referral.code}
    return doc | {"_id": str(referral.referral_id)} | indexed


async def _all_fired(consumer: AIOKafkaConsumer, settings: Settings, workers: list[asyncio.subprocess.Process]) -> None:
    at = [TopicPartition(settings.named(REFERRALS.name), p) for p in range(REFERRALS.partitions)]
    consumer.assign(at)
    await consumer.seek_to_beginning(*at)
    fired: set[bytes] = set()
    while len(fired) < TIMERS:
        if any(worker.returncode is not None for worker in workers):
            raise SystemExit(f"a worker ended after {len(fired):,} of {TIMERS:,} timers")
        for records in (await consumer.getmany(timeout_ms=200)).values():
            fired |= {record.key for record in records if dict(record.headers)["ce_type"] == TimerFired.TYPE.encode()}


if __name__ == "__main__":
    asyncio.run(main())
