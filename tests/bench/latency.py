"""How long an agency waits: its command in, to its feed's answer out, at 20 commands a second; and where it waits."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from contracts.topics import AGENCY_COMMANDS, AGENCY_FEED, INTAKE_COMMANDS, INTAKES
from services.chassis.settings import Settings, from_environment
from tests.agency import Agency, Entry, is_answer
from tests.builders import an_intake
from tests.processes import running

RATE, REFERRALS = 20, 200


async def main() -> None:
    settings = from_environment().model_copy(update={"namespace": f"lat{uuid4().hex[:8]}"})
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings, Path(folder)):
            sender = Agency("pa.comune", settings.kafka_url, f"{settings.namespace}-")
            receiver = Agency("pa.mobile", settings.kafka_url, f"{settings.namespace}-")
            await asyncio.gather(sender.open(), receiver.open())
            try:
                found = await measure(sender, receiver)
                show("what", found)
                show("of an intake's answer: from ... to", await legs(settings, sender))
            finally:
                await asyncio.gather(sender.close(), receiver.close())


async def measure(sender: Agency, receiver: Agency) -> dict[str, list[float]]:
    await sender.answer(await sender.submit(_intake("lat/first")))  # until the new topics are picked up
    intakes = await _paced((f"lat/{n}" for n in range(REFERRALS)), lambda id: sender.submit(_intake(id), id=id))
    answered = await _answered(sender, intakes)
    sent = (await _sent(receiver))[-REFERRALS:]
    by_command = iter(sent)
    commands = await _paced(
        (uuid4().hex for _ in sent), lambda id: receiver.command(next(by_command), "acknowledge", id=id)
    )
    acknowledged = await _answered(receiver, commands)
    intake_ids = {_command(e): e["value"]["intake_id"] for e in sender.entries if is_answer(e)}
    recorded = {intake_ids[id]: at for id, at in intakes.items()}
    return {
        "intake to answer": answered,
        "intake to event": _happened(sender, "staffetta.intake.recorded.v1", recorded),
        "acknowledge to answer": acknowledged,
        "acknowledge to event": _happened(
            receiver, "staffetta.referral.acknowledged.v1", dict(zip(sent, commands.values(), strict=True))
        ),
    }


def _intake(key: str) -> Entry:
    """Of a service whose places nobody counts: counted ones are taken up after a few."""
    return an_intake(key, services=("material.food",))


async def _sent(receiver: Agency) -> list[str]:
    """The referrals that came to the receiver, once all have come."""
    until = time.monotonic() + 60
    while len(sent := [e["key"] for e in receiver.entries if e["type"] == "staffetta.referral.sent.v1"]) < REFERRALS:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(sent)} of {REFERRALS} referrals came to the receiver")
        await asyncio.sleep(0.05)
    return sent


async def legs(settings: Settings, sender: Agency) -> dict[str, list[float]]:
    """Between the times at which the records of one command were written, topic by topic."""
    topics = (AGENCY_COMMANDS, INTAKE_COMMANDS, INTAKES, AGENCY_FEED)
    names = [topic.of(sender.code) for topic in topics]
    written = [await _written(settings, name, t.partitions) for name, t in zip(names, topics, strict=True)]
    found: dict[str, list[float]] = {}
    for (a, before), (b, after) in pairwise(zip(names, written, strict=True)):
        ids = before.keys() & after.keys() - {"lat/first"}
        found[f"{a} to {b}"] = sorted(float(after[id] - before[id]) for id in ids)
    return found


async def _written(settings: Settings, topic: str, partitions: int) -> dict[str, int]:
    """When each command, or the answer to it, was first written to a topic, by its command_id, in ms."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    try:
        name = settings.named(topic)
        at = [TopicPartition(name, p) for p in range(partitions)]
        consumer.assign(at)
        ends = await consumer.end_offsets(at)
        found: dict[str, int] = {}
        while any([await consumer.position(p) < ends[p] for p in at]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for r in records:
                    value = json.loads(r.value)
                    asked = value.get("asked") or {"command_id": value.get("idempotency_key")}
                    found.setdefault(str(asked["command_id"]), r.timestamp)
        return found
    finally:
        await consumer.stop()


async def _paced(ids: Iterable[str], say: Callable[[str], Awaitable[Any]]) -> dict[str, float]:
    at: dict[str, float] = {}
    began = time.monotonic()
    for n, id in enumerate(ids):
        await asyncio.sleep(max(0.0, began + n / RATE - time.monotonic()))
        at[id] = time.time()
        await say(id)
    return at


async def _answered(agency: Agency, said: dict[str, float]) -> list[float]:
    await agency.answer(next(reversed(said)))
    await asyncio.sleep(1)
    came = {_command(e): e["at"] for e in agency.entries if is_answer(e)}
    return sorted((came[id] - at) * 1000 for id, at in said.items())


def _happened(agency: Agency, type: str, said: dict[str, float]) -> list[float]:
    """said: when that was asked of which an event tells, by the event's key."""
    came = {e["key"]: e["at"] for e in agency.entries if e["type"] == type}
    return sorted((came[key] - at) * 1000 for key, at in said.items())


def _command(entry: Entry) -> str:
    return str(entry["value"]["asked"]["command_id"])


def show(title: str, found: dict[str, list[float]]) -> None:
    table = Table(title, "n", "p50 ms", "p95 ms", "p99 ms", "max ms")
    for what, ms in found.items():
        cuts = statistics.quantiles(ms, n=100)
        table.add_row(what, str(len(ms)), *(f"{v:.0f}" for v in (cuts[49], cuts[94], cuts[98], ms[-1])))
    Console(width=110).print(table)


if __name__ == "__main__":
    asyncio.run(main())
