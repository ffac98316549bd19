"""What a worker refuses at its start, and what it waits for."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.local.kafka import start_kafka
from deploy.local.store import start_store
from services.chassis.failpoints import arm
from services.chassis.handlers import Handlers
from services.chassis.service import Service
from services.chassis.settings import Settings
from tests.chassis.example import IN, MIDDLE, Tick
from tests.chassis.relay import Relay, relay
from tests.processes import free_port, plain_http


def test_production_refuses_to_crash_on_purpose() -> None:
    with pytest.raises(SystemExit, match="FAILPOINT"):
        Settings(failpoint="fetched", environment="production")


def test_an_issuer_whose_keys_anybody_could_change_on_their_way_is_refused() -> None:
    with pytest.raises(SystemExit, match="TOKEN_JWKS begins with http://"):
        Settings(token_jwks="http://login.example/jwks")


def test_a_crash_point_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit, match="use one of fetched"):
        arm("nowhere:2")


def test_a_service_may_own_aggregates_only_by_its_own_commands() -> None:
    handlers = Handlers()
    handlers.on(MIDDLE, owns=("sums",))(_nothing)

    with pytest.raises(ValueError, match=r"changed by second\.commands"):
        Service("second", handlers)


def test_a_topic_has_one_handler() -> None:
    handlers = Handlers()
    handlers.on(MIDDLE)(_nothing)

    with pytest.raises(ValueError, match="has a handler already"):
        handlers.on(MIDDLE)(_nothing)


async def _nothing(_message: object, _tx: object) -> None:
    return None


async def test_a_position_that_cannot_be_is_not_passed_over_though_the_topic_grows(
    engines: Settings, logs: Path
) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        topic, sentence = running.settings.named(IN.name), "it ends before 5: topic or store is another one"
        await running.assigned("first")
        worker = running.workers["first-0"]
        running.kill("first-0")
        await worker.wait()
        await db.offsets.update_many({"_id": {"$in": [f"{topic}:0", f"{topic}:1"]}}, {"$set": {"next": 5}})
        assert await _says(running, sentence, once_more=0)
        assert await db.offsets.count_documents({"refused": sentence}) == 2, "ops see all of it at once"

        async with AIOKafkaProducer(bootstrap_servers=running.settings.kafka_url) as producer:
            for _ in range(10):
                await producer.send_and_wait(topic, b"{}", key=b"a", partition=0)
        assert await _says(running, sentence, once_more=2)

        for partition, at in ((0, 7), (1, 0)):
            mended = {"$set": {"next": at}, "$unset": {"refused": ""}}
            await db.offsets.update_one({"_id": f"{topic}:{partition}"}, mended)
        async with asyncio.timeout(30):
            while await db.parked.count_documents({"place": f"{topic}:0"}) < 3:
                await asyncio.sleep(0.1)


async def test_what_the_topic_no_longer_has_is_not_passed_over_by_who_runs(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await running.assigned("first")
        await running.say(Tick(aggregate="aggregate-1", number=1))
        assert await running.settled(30)
        moved = await db.offsets.find_one({"next": {"$gt": 0}})
        worker, (topic, _, partition) = running.workers["first-0"], moved["_id"].rpartition(":")
        worker.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1)  # what it had asked for is answered
        await running.say(*(Tick(aggregate="aggregate-1", number=n) for n in range(2, 12)))
        await _drop(running, TopicPartition(topic, int(partition)), 8)
        worker.send_signal(signal.SIGCONT)

        assert await asyncio.wait_for(worker.wait(), 60) == 1
        assert await _says(running, "nothing is there at 1, where it was read to", once_more=2)
        assert (await db.counts.find_one({"_id": "aggregate-1"}))["seen"] == [1]


async def test_an_empty_store_beside_topics_that_have_dropped_their_beginning_is_not_taken_for_a_new_network(
    engines: Settings, logs: Path
) -> None:
    """As an address of another store would have it: what was asked before is known to nobody there."""
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await running.assigned("first")
        await running.say(*(Tick(aggregate="aggregate-1", number=n) for n in range(1, 4)))
        assert await running.settled(30)
        moved = await db.offsets.find_one({"next": {"$gt": 0}})
        worker, (topic, _, partition) = running.workers["first-0"], moved["_id"].rpartition(":")
        running.no_more.add("first-0")
        running.kill("first-0")
        await worker.wait()
        await _drop(running, TopicPartition(topic, int(partition)), 2)
        await db.client.drop_database(db.name)
        await running.spawn("first", "0")

        assert await _says(running, "messages 0 to 1 are gone", once_more=1)
        assert not await db.counts.count_documents({})


async def _drop(running: Relay, partition: TopicPartition, before: int) -> None:
    """As retention would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=running.settings.kafka_url)
    await admin.start()
    await admin.delete_records({partition: RecordsToDelete(before_offset=before)})
    await admin.close()


async def _says(running: Relay, what: str, *, once_more: int) -> bool:
    """Whether `first` says it within half a minute, so many times more than it did."""
    wanted, until = running.logged("first-0", what) + once_more, time.monotonic() + 30
    while running.logged("first-0", what) < max(wanted, 1) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    return running.logged("first-0", what) >= max(wanted, 1)


@pytest.mark.own_engines
async def test_a_worker_is_not_ready_while_its_store_or_broker_is_away_and_ready_again_by_itself(
    tmp_path: Path,
) -> None:
    kafka, store, port = start_kafka(tmp_path), start_store(tmp_path), free_port()
    environment = {
        "KAFKA_URL": kafka.url, "MONGO_URL": store.url, "HTTP_PORT": str(port), "STAFFETTA_ENV": "test",
        "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chassis.example", "first", env=environment
    )
    try:
        all_well = dict.fromkeys(("ready", "broker", "store", "outbox", "first", "clock"), True)
        assert await _ready(port, True) == all_well
        for engine, name in ((store, "store"), (kafka, "broker")):
            engine.kill()
            assert (await _ready(port, False))[name] is False
            engine.start()
            await _ready(port, True)
        assert worker.returncode is None
    finally:
        worker.kill()
        await worker.wait()
        store.stop()
        kafka.stop()


async def _ready(port: int, wanted: bool, seconds: float = 40) -> dict[str, bool]:
    async with plain_http(timeout=5) as client:
        for _ in range(int(seconds * 5)):
            try:
                seen: dict[str, bool] = (await client.get(f"http://127.0.0.1:{port}/ready")).json()
            except httpx.HTTPError:
                seen = {}
            if seen.get("ready") is wanted:
                return seen
            await asyncio.sleep(0.2)
    raise TimeoutError(f"/ready did not become {wanted}: {seen}")
