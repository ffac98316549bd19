"""The whole relay under load with repeats, `kill -9` of services, store and broker; then every effect counted.

Beside `verify`, what was sent is counted here by who sent it, in ways of its own: a fault in one does not hide in both.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr

from deploy.local.engine import Engine
from services.chassis.settings import Settings
from services.cli.verify.verifying import verify
from tests.agency import Entry, Working, disorder
from tests.builders import an_intake
from tests.processes import RELAY, Processes, running
from tests.verified import come_to_rest

AGENCIES = ("pa.comune", "pa.accura", "pa.penc", "pa.mobile", "pa.ponte", "pa.levante", "pa.salute", "pa.legale")
ASKED = ("health.primary", "social.assessment", "legal.documents", "housing.temporary")
REPEATED = 0.05
EVERY_S = 1.6


@dataclass
class Result:
    """What was wrong in the end, and of how much."""

    intakes: int = 0
    commands: int = 0
    messages: int = 0
    kills: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    repeats: int = 0
    broken: list[str] = field(default_factory=list)
    """What `verify` found: promises beside those that are counted here."""

    @property
    def faults(self) -> list[str]:
        return self.lost + self.doubled + self.reordered + self.broken


async def disturb(
    kafka: Engine, store: Engine, folder: Path, *, kills: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Result:
    """Kill `kills` times a service, and a twentieth as often the store and the broker, in a seeded order."""
    settings = Settings(
        kafka_url=kafka.url, mongo_url=SecretStr(store.url), environment="test", namespace=f"c{uuid4().hex[:8]}"
    )
    rng, result = random.Random(seed), Result()
    async with AsyncExitStack() as stack:
        processes = await stack.enter_async_context(running(settings, folder, replicas=2))
        agencies = [Working(code, settings.kafka_url, f"{settings.namespace}-") for code in AGENCIES]
        for agency in agencies:
            await agency.open()
            stack.push_async_callback(agency.close)
        working = [asyncio.create_task(a.work()) for a in agencies]
        done = asyncio.Event()
        load = asyncio.create_task(_load(agencies, rng, done, result))
        await asyncio.sleep(3)
        for victim in _victims(rng, kills):
            await _kill(victim, processes, kafka, store, rng)
            result.kills[victim] += 1
            say(f"killed {sum(result.kills.values())} of {kills + 2 * _seldom(kills)}: {victim}")
            await asyncio.sleep(rng.uniform(0.5, 2 * EVERY_S - 0.5))
        done.set()
        await load
        say("no more kills: until everything is answered")
        await processes.ready()
        await come_to_rest(settings, agencies)
        for task in working:
            task.cancel()
        verified = await verify(settings)
        result.broken = [f"{found.check}: {found.aggregate}: {found.wrong}" for found in verified.findings]
        result.broken += [] if verified.settled else ["messages were still under way in the end"]
        _count_feeds(agencies, result)
        await _count_store(settings, result)
        await _count_topic(settings, result)
    return result


def _seldom(kills: int) -> int:
    return kills // 20 or 1


def _victims(rng: random.Random, kills: int) -> Iterator[str]:
    order = ["service"] * kills + ["store"] * _seldom(kills) + ["broker"] * _seldom(kills)
    rng.shuffle(order)
    return iter(order)


async def _kill(victim: str, processes: Processes, kafka: Engine, store: Engine, rng: random.Random) -> None:
    if victim == "service":
        return processes.kill(f"{rng.choice(RELAY)}-{rng.randrange(2)}")
    engine = store if victim == "store" else kafka
    await asyncio.to_thread(engine.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(engine.start)


async def _load(agencies: list[Working], rng: random.Random, done: asyncio.Event, result: Result) -> None:
    """Two intakes a second; one in twenty is sent twice, the second time a little later."""
    again: list[tuple[Working, Entry]] = []
    while not done.is_set():
        sender = rng.choice(agencies)
        intake = _intake(sender.code, result.intakes, rng)
        result.intakes += 1
        await sender.submit(intake)
        if rng.random() < REPEATED:
            again.append((sender, intake))
        if again and rng.random() < 0.5:
            repeated = again.pop(0)
            await repeated[0].submit(repeated[1])
        await asyncio.sleep(0.5)


def _intake(code: str, n: int, rng: random.Random) -> Entry:
    intake = an_intake(f"{code}/chaos-{n}", sender=code, services=tuple(rng.sample(ASKED, 2)))
    intake["tier0"]["sharing_basis"].append(
        intake["tier0"]["sharing_basis"][0] | {"basis_id": "b2", "recipient": "pa.legale"}
    )
    return intake


# -- the count ---------------------------------------------------------------------------------------------------------


def _count_feeds(agencies: list[Working], result: Result) -> None:
    """One answer to each command, in order with its events."""
    for agency in agencies:
        for id in agency.said:
            answers = len(agency.answers(id))
            result.lost += [f"{agency.code}: no answer to {id}"] if answers == 0 else []
            result.doubled += [f"{agency.code}: {answers} answers to {id}"] if answers > 1 else []
        result.commands += len(agency.said)
        result.repeats += agency.repeats
        result.reordered += disorder(agency.entries)


async def _count_store(settings: Settings, result: Result) -> None:
    client: Any = AsyncIOMotorClient(settings.mongo_url.get_secret_value())
    if (there := await client[settings.named("intake")].intakes.count_documents({})) != result.intakes:
        result.lost.append(f"{there} of {result.intakes} intakes are stored")
    client.close()


async def _count_topic(settings: Settings, result: Result) -> None:
    """On `referrals`, by key and without repeats: versions rise by one; each is said once."""
    last: dict[str, int] = defaultdict(int)
    async for key, version in _first_occurrences(settings, "referrals", result):
        if version not in (last[key], last[key] + 1):
            result.reordered.append(f"referrals {key}: version {version} after {last[key]}")
        last[key] = max(last[key], version)


async def _first_occurrences(settings: Settings, topic: str, result: Result) -> Any:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    at = [TopicPartition(settings.named(topic), p) for p in range(6)]
    consumer.assign(at)
    await consumer.seek_to_beginning(*at)
    ends, ids = await consumer.end_offsets(at), set[bytes]()
    while any([await consumer.position(p) < ends[p] for p in at]):
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for r in records:
                id = dict(r.headers)["ce_id"]
                if id in ids:
                    result.repeats += 1
                    continue
                ids.add(id)
                result.messages += 1
                if "accepted" in dict(r.headers)["ce_type"].decode() or b"rejected" not in dict(r.headers)["ce_type"]:
                    yield r.key.decode(), int(json.loads(r.value).get("version") or 0)
    await consumer.stop()
