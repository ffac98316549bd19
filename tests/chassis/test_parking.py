"""A message that can never work is set aside with later ones of its key; the others flow; ops replay it in order."""

import asyncio
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from contracts import topics
from services.chassis import parking
from services.chassis.messages import read
from services.chassis.settings import Settings
from tests import raw
from tests.chassis.example import IN, Tick
from tests.chassis.relay import Relay, relay
from tests.collector import Point, collector


async def _some_load(running: Relay, seconds: float = 2) -> None:
    done = asyncio.Event()
    load = asyncio.create_task(running.load(random.Random(3), 300, done.is_set))
    await asyncio.sleep(seconds)
    done.set()
    await load
    assert await running.settled(90)


async def _eventually(condition: Any, seconds: float = 120) -> bool:
    for _ in range(int(seconds / 0.1)):
        if await condition():
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_parked_key_waits_and_is_replayed_in_order_with_who_and_why(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await _some_load(running)
        listed = await parking.listed(db)
        key = next(p for p in listed if p["key"] == "aggregate-7")

        running.environment["POISON"] = "cured"
        running.kill("first-0")
        assert await parking.ask(db, key["id"], action="replay", by="network:ops", why="mended")
        assert await _eventually(lambda: _is_free(db, "aggregate-7"))

        counted = await db.counts.find_one({"_id": "aggregate-7"})
        assert counted["seen"] == list(range(1, running.sent["aggregate-7"] + 1))
        log = await db.parked_log.find_one({"freed": True})
        assert (log["by"], log["why"], log["action"]) == ("network:ops", "mended", "replay")
        assert await db.parked.count_documents({"key": b"aggregate-8"}) > 0
        assert all("value" not in p for p in listed)


async def test_a_discarded_message_lets_the_rest_of_its_key_go_on(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await _some_load(running)
        poisoned = next(p for p in await parking.listed(db) if p["key"] == "aggregate-8")

        assert await parking.ask(db, poisoned["id"], action="discard", by="network:ops", why="sent by mistake")
        assert await _eventually(lambda: _is_free(db, "aggregate-8"))

        counted = await db.counts.find_one({"_id": "aggregate-8"})
        assert counted["seen"] == [n for n in range(1, running.sent["aggregate-8"] + 1) if n != 5]


async def test_bytes_that_nobody_can_read_are_parked_and_their_neighbours_are_not(
    engines: Settings, logs: Path
) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        producer = AIOKafkaProducer(bootstrap_servers=running.settings.kafka_url)
        await producer.start()
        bad: list[tuple[bytes | None, list[tuple[str, bytes]] | None]] = [
            (b"\xff\xfe", None),
            (None, [("ce_id", b"\xff")]),
            (b"{}", [("ce_id", b"no uuid"), ("ce_time", b"never"), ("ce_type", b"staffetta.example.tick.v1")]),
            (b"12", [("ce_type", b"\x00")]),
        ]
        for n, (value, headers) in enumerate(bad):
            await producer.send_and_wait(
                running.settings.named(IN.name), value, key=f"bad-{n}".encode(), headers=headers
            )
        await producer.stop()
        await _some_load(running)

        parked = [p for p in await parking.listed(db) if p["key"].startswith("bad-")]
        assert len(parked) == len(bad)
        assert all(p["reason"].startswith("unreadable:") for p in parked)


async def test_what_nobody_can_do_yet_is_set_aside_with_its_key_and_ops_are_told_that_something_waits(
    engines: Settings, logs: Path
) -> None:
    points: list[Point] = []
    async with collector(points) as (url, _), relay(engines, logs, replicas=0) as running:
        running.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRIC_EXPORT_INTERVAL": "200"}
        await running.spawn("first", "0")
        await running.assigned("first")
        async with AIOKafkaProducer(bootstrap_servers=running.settings.kafka_url) as producer:
            headers = [("ce_id", str(uuid4()).encode()), ("ce_time", b"2026-11-24T09:00:00+00:00")]
            headers.append(("ce_type", b"staffetta.example.later.v1"))
            await producer.send_and_wait(running.settings.named(IN.name), b"{}", key=b"aggregate-1", headers=headers)
        await running.say(Tick(aggregate="aggregate-1", number=1))

        async with running.database("first") as db, asyncio.timeout(60):
            while len(listed := await parking.listed(db)) < 2:
                await asyncio.sleep(0.1)
            while not points or points[-1].value == 0:
                await asyncio.sleep(0.1)
    assert [p["reason"] for p in listed] == ["unknown_type", "after_parked"]
    assert (points[-1].service, points[-1].name, points[-1].value) == ("first", "staffetta.parked.keys", 1)
    assert running.logged("first-0", "a message cannot be read: it is parked") == 1


async def test_nothing_that_an_agency_chose_is_told_of_what_lies_at_its_door(engines: Settings, tmp_path: Path) -> None:
    async with relay(engines, tmp_path, replicas=0) as running, running.database("first") as db:
        await set_aside(db, topics.AGENCY_COMMANDS, "agencies.pa.penc.commands")
        await set_aside(db, topics.PEOPLE_COMMANDS, "people.commands")
        await set_aside(db, topics.INTAKE_COMMANDS, "intake.commands")

        *doors, ours = sorted(await parking.listed(db), key=lambda one: one["topic"] == "intake.commands")

    assert len(doors) == 2 and not [one for one in doors if "Amina" in str(one)]
    assert {(one["key"], one["type"], one["reason"], *one["headers"]) for one in doors} == {(None, None, "failed:X")}
    assert ours["key"] == "Amina" and ours["headers"].keys() == {"ce_id", "ce_type", "ce_subject", "traceparent"}


async def set_aside(db: Any, topic: topics.Topic, name: str) -> None:
    told = ("ce_id", "ce_type", "ce_subject", "ce_actor", "ce_note", "traceparent")
    headers = [(header, b"Amina") for header in told]
    about = {"topic": name, "partition": 0, "offset": 3, "timestamp": 1_790_000_000_000}
    record = SimpleNamespace(**about, key=b"Amina", value=b"{}", headers=headers)
    async with await db.client.start_session() as session, session.start_transaction():
        await parking.set_aside(db, session, [(read(record, topic), "failed:X")])


async def test_a_header_whose_name_nobody_can_read_stops_nothing(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await running.assigned("first")
        load = asyncio.create_task(_some_load(running))
        said = [*range(IN.partitions), *[0] * 120]  # one after the other, more than are read around at once
        for _ in range(3):
            for partition in said:
                nameless = raw.batch(b"12", [(raw.Unnamed("name"), b"")])
                assert await raw.produce(running.settings, running.settings.named(IN.name), partition, nameless) == 0
            await asyncio.sleep(1)
        await load

        async def are_all_parked() -> bool:
            return len([p for p in await parking.listed(db) if not p["key"]]) >= 3 * len(said)

        await _eventually(are_all_parked)
        parked = [p["partition"] for p in await parking.listed(db) if not p["key"]]
        assert sorted(parked) == sorted(3 * said)
        found = await running.count()
        assert (found.faults, found.notes) == (0, [])


async def test_what_no_document_can_hold_is_parked_alone(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        running.environment["UNWRITABLE"] = "aggregate-9"
        running.poisoned["aggregate-9"] = 1
        running.kill("first-0")
        await _some_load(running, 5)

        parked = [p for p in await parking.listed(db) if p["key"] == "aggregate-9"]
        assert parked[0]["reason"] == "failed:OverflowError"
        assert (await db.counts.find_one({"_id": "aggregate-10"}))["version"] == running.sent["aggregate-10"]


async def test_what_the_store_refuses_is_parked_alone_and_stays_so_until_it_takes_it(
    engines: Settings, logs: Path
) -> None:
    async with relay(engines, logs, replicas=1) as running, running.database("first") as db:
        await _some_load(running)
        waiting = [p for p in await parking.listed(db) if p["key"] == "aggregate-8"]
        ticks = [p["reason"] for p in waiting if p["type"] == Tick.TYPE]
        after = running.sent["aggregate-8"] - running.poisoned["aggregate-8"]

        assert ticks == ["unwritable:11000:counts", *["after_parked"] * after]
        assert (await running.count()).faults == 0

        await parking.ask(db, waiting[0]["id"], action="replay", by="network:ops", why="tried again")
        assert await _eventually(lambda: db.parked_log.find_one({"why": "tried again"}))
        assert [p["id"] for p in await parking.listed(db) if p["key"] == "aggregate-8"] == [p["id"] for p in waiting]

        running.environment["POISON"] = "cured"
        running.kill("first-0")
        await parking.ask(db, waiting[0]["id"], action="replay", by="network:ops", why="mended")
        assert await _eventually(lambda: _is_free(db, "aggregate-8"))
        assert (await db.counts.find_one({"_id": "aggregate-8"}))["seen"] == list(
            range(1, running.sent["aggregate-8"] + 1)
        )


async def test_where_one_of_a_batch_is_refused_and_the_answers_of_the_store_are_lost_the_others_come_through(
    engines: Settings, logs: Path
) -> None:
    ticks = [Tick(aggregate=f"aggregate-{n}", number=1) for n in range(60)]
    async with relay(engines, logs, replicas=1, control="lost_answers") as running:
        await running.assigned("first")
        await running.say(*ticks[:30], Tick(aggregate="aggregate-77", number=1, poison="store"), *ticks[30:])

        assert await running.settled(30)
        found = await running.count()
        assert (found.effects, found.faults, found.notes) == (60, 0, [])


async def test_a_replay_goes_as_far_as_it_can_and_says_all_of_it_though_answers_of_the_store_are_lost(
    engines: Settings, logs: Path
) -> None:
    poison: list[Literal["", "store"]] = ["store", "", "", "store", ""]
    async with relay(engines, logs, replicas=1, control="lost_answers") as running, running.database("first") as db:
        await running.assigned("first")
        await running.say(*(Tick(aggregate="aggregate-8", number=n, poison=p) for n, p in enumerate(poison, 1)))
        assert await _eventually(lambda: _parked(db, 5))
        first, *_ = ids = [p["id"] for p in await parking.listed(db)]

        await parking.ask(db, first, action="discard", by="network:ops", why="sent by mistake")

        assert await _eventually(lambda: _parked(db, 2))
        assert (await db.counts.find_one({"_id": "aggregate-8"}))["seen"] == [2, 3]
        running.sent, running.poisoned = {"aggregate-8": 2}, {}
        assert await running.settled(30)
        assert await _eventually(lambda: db.parked_log.find_one({"done": ids[:3], "freed": False}))


async def test_a_long_replay_is_not_taken_for_standing_still(engines: Settings, logs: Path) -> None:
    async with relay(engines, logs, replicas=1, control="slow_replay") as running, running.database("first") as db:
        await running.assigned("first")
        ticks = [Tick(aggregate="aggregate-8", number=n, poison="here" if n == 1 else "") for n in range(1, LONG + 1)]
        await running.say(*ticks)
        assert await _eventually(lambda: _parked(db, LONG))
        [first, *_] = await parking.listed(db)

        await parking.ask(db, first["id"], action="discard", by="network:ops", why="sent by mistake")

        assert await _eventually(lambda: _is_free(db, "aggregate-8"))
        assert running.logged("first-0", "nothing was done for") == 0


LONG = 80


async def _parked(db: Any, count: int) -> bool:
    return len(await parking.listed(db)) == count


async def _is_free(db: Any, key: str) -> bool:
    return await db.parked_keys.find_one({"key": key.encode()}) is None
