"""What a worker refuses at its start, and what it waits for."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.kafka import start_kafka
from deploy.local.store import start_store
from services.chassis.failpoints import arm
from services.chassis.handlers import Handlers
from services.chassis.service import Service
from services.chassis.settings import Settings
from tests.chassis.example import IN, MIDDLE
from tests.chassis.relay import relay
from tests.processes import free_port, plain_http


def test_production_refuses_to_crash_on_purpose() -> None:
    with pytest.raises(SystemExit, match="FAILPOINT"):
        Settings(failpoint="fetched", environment="production")


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"$set": {"next": 10_000}}, "ends before 10000: the topic or the store is another one"),
        ({"$unset": {"owed": ""}}, "the store was written by an earlier Staffetta"),
    ],
    ids=["a_position_that_the_topic_does_not_have", "a_position_of_another_form"],
)
async def test_a_position_that_cannot_be_is_not_passed_over_in_silence(
    engines: Settings, logs: Path, change: dict[str, Any], sentence: str
) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await running.assigned("first")
        worker = running.workers["first-0"]
        running.kill("first-0")
        await worker.wait()
        await db.offsets.update_one({"_id": f"{running.settings.named(IN.name)}:0"}, change)

        assert sentence in await _said(logs / "first-0.log", sentence)


async def _said(log: Path, what: str, seconds: float = 30) -> str:
    for _ in range(int(seconds * 10)):
        if what in (text := _text(log)):
            return text
        await asyncio.sleep(0.1)
    return _text(log)


def _text(log: Path) -> str:
    return log.read_text("utf-8", "replace")


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
        assert await _ready(port, True) == {"ready": True, "broker": True, "store": True, "outbox": True, "first": True}
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
