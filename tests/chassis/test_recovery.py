"""Workers come and go: another takes over, a lone one is soon back, a stop hands over cleanly.

How soon is measured by `./dev bench recovery`; here only that nobody waits for good.
"""

import asyncio
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.chassis.settings import Settings
from tests.chassis.example import IN, MIDDLE, Tick
from tests.chassis.relay import Relay, relay

FOR_GOOD_S = 60


async def test_when_one_of_two_workers_is_killed_the_other_takes_over(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=2) as running:
        silence = await longest_silence_after(running, "first-0", again=False)

        assert silence < FOR_GOOD_S


async def test_a_lone_worker_that_is_killed_is_back_at_work(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running:
        silence = await longest_silence_after(running, "first-0", again=True)

        assert silence < FOR_GOOD_S


async def test_a_take_over_that_outlasts_the_patience_of_the_group_is_done_once(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1, control="slow_claim") as running:
        done = asyncio.Event()
        load = asyncio.create_task(running.load(random.Random(5), 50, done.is_set))
        await running.flowing()
        done.set()
        await load

        assert await running.settled(60)
        assert (await running.count()).faults == 0
        assert (logs / "first-0.log").read_text().count("partitions taken over") == 1


@pytest.mark.parametrize("control", ["stands_still", "hears_nothing"])
async def test_a_worker_that_gets_nowhere_ends_itself_and_the_next_one_goes_on(
    engines: Settings, logs: Path, control: str
) -> None:
    async with relay(engines, logs, replicas=1, control=control) as running:
        await running.assigned("first")
        worker = running.workers["first-0"]
        with standing_still(running):
            await asyncio.sleep(2)
            await running.say(Tick(aggregate="aggregate-1", number=1))
            code = await asyncio.wait_for(worker.wait(), FOR_GOOD_S)

        assert (code, running.logged("first-0", "work is waiting and nothing was done")) == (1, 1)
        assert await running.settled(60)
        assert (await running.count()).faults == 0


async def test_a_worker_that_is_asked_to_stop_finishes_its_batch_and_owes_nothing(
    engines: Settings, logs: Path
) -> None:
    async with relay(engines, logs, replicas=1) as running:
        done = asyncio.Event()
        load = asyncio.create_task(running.load(random.Random(1), 100, done.is_set))
        await running.flowing()
        running.stopping = True
        worker = running.workers["first-0"]
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(worker.wait(), 20)
        done.set()
        await load

        assert code == 0
        async with running.database("first") as db:
            assert await db.offsets.count_documents({}) > 0
            assert await db.offsets.count_documents({"owed": {"$ne": None}}) == 0
            assert await db.offsets.count_documents({"lsid": {"$ne": None}}) == 0


async def test_a_transaction_of_a_client_is_no_work_that_waits(engines: Settings, logs: Path) -> None:
    """The mark at its end is never handed out."""
    async with relay(engines, logs, replicas=1, control="stands_still") as running:
        await running.assigned("first")
        worker, topic = running.workers["first-0"], running.settings.named(IN.name)
        for commits in (True, False):
            async with AIOKafkaProducer(
                bootstrap_servers=running.settings.kafka_url, transactional_id=running.settings.namespace
            ) as client:
                await client.begin_transaction()
                for partition in range(IN.partitions):
                    await client.send_and_wait(topic, b"{", partition=partition)
                await (client.commit_transaction() if commits else client.abort_transaction())
        await asyncio.sleep(10)

        assert worker.returncode is None
        async with running.database("first") as db:
            stored = [doc["next"] async for doc in db.offsets.find({"_id": {"$regex": f"^{topic}:"}}).sort("_id")]
        assert stored == await running.ends(IN), "or the start would miss the marks once the topic has dropped them"


async def test_what_a_consumer_loses_when_it_raises_is_read_again(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1, control="stumbles") as running:
        done = asyncio.Event()
        load = asyncio.create_task(running.load(random.Random(7), 100, done.is_set))
        async with asyncio.timeout(60):
            while running.logged("first-0", "cannot be read") < 2:
                await asyncio.sleep(0.2)
        done.set()
        await load

        assert await running.settled(60)
        found = await running.count()
        assert (found.faults, found.notes) == (0, [])


@contextmanager
def standing_still(running: Relay) -> Iterator[None]:
    """As the control of that name has it."""
    stuck = Path(tempfile.gettempdir(), f"{running.settings.namespace}.stuck")
    stuck.touch()
    try:
        yield
    finally:
        stuck.unlink()


async def longest_silence_after(running: Relay, name: str, *, again: bool, seconds: float = 0) -> float:
    """Seconds without progress on any partition of the middle topic, from the kill of a worker until all have moved.

    seconds: for so long at least.
    """
    done = asyncio.Event()
    load = asyncio.create_task(running.load(random.Random(2), 150, done.is_set))
    await running.flowing()
    consumer = AIOKafkaConsumer(bootstrap_servers=running.settings.kafka_url)
    await consumer.start()
    at = [TopicPartition(running.settings.named(MIDDLE.name), p) for p in range(IN.partitions)]
    running.no_more.update(() if again else (name,))
    running.kill(name)
    moved = dict.fromkeys(at, time.monotonic())
    ends, silence, killed = await consumer.end_offsets(at), 0.0, time.monotonic()
    while (watched := time.monotonic() - killed) < seconds or (min(moved.values()) < killed and watched < FOR_GOOD_S):
        now_at, now = await consumer.end_offsets(at), time.monotonic()
        for p in at:
            silence = max(silence, now - moved[p])
            moved[p] = now if now_at[p] > ends[p] else moved[p]
        ends = now_at
        await asyncio.sleep(0.05)
    done.set()
    await load
    await consumer.stop()
    return silence
