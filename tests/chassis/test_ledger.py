"""One batch and its transaction, on a real store: what is known already, what is parked, what ops ask for."""

import asyncio
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.chassis import ledger as ledger_module
from services.chassis import messages, parking
from services.chassis.faults import Fenced, Unwritable
from services.chassis.ledger import Ledger
from services.chassis.messages import Source
from services.chassis.settings import Settings
from services.chassis.transaction import Transaction
from tests.chassis.example import IN, MIDDLE, Noise, Tick, first
from tests.chassis.ledgers import a_ledger, a_message, a_record, at_once

TICK = Tick(aggregate="a", number=1)


async def test_what_is_known_already_goes_through_the_fence(network: Settings) -> None:
    """It may be known by a commit of ours of which we did not hear, and then something is owed."""
    here = (network.named(IN.name), 3)
    batch = [a_message(network, TICK, 0), a_message(network, Noise(aggregate="b"), 1)]
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        await ledger.process(batch, {here: 0}, {here: 2}, at_once)

        with pytest.raises(Fenced):
            await ledger.process(batch, {here: 0}, {here: 2}, at_once)
        _, owed = await ledger.claim({here: 0})
        assert [said.topic for said in owed[here]] == [network.named("middle")]


async def test_who_claims_in_between_is_noticed(network: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    here, lanes = {(network.named(IN.name), 3): 0}, parking.lanes
    async with a_ledger(network) as ledger, a_ledger(network) as other:

        async def meanwhile(db: Any, sources: Any) -> Any:
            monkeypatch.setattr(parking, "lanes", lanes)
            await other.claim(here)
            return await lanes(db, sources)

        monkeypatch.setattr(parking, "lanes", meanwhile)
        monkeypatch.setattr(ledger_module, "die", sys.exit)
        with pytest.raises(SystemExit, match="another worker claims"):
            await ledger.claim(here)


async def test_a_partition_that_is_refused_is_taken_over_by_nobody(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (network.named(IN.name), 3)
    monkeypatch.setattr(ledger_module, "die", sys.exit)
    async with a_ledger(network) as ledger, a_ledger(network) as other:
        await ledger.claim({source: 0})
        await other.claim({source: 0})
        await ledger.refuse(source, "by who owns it no longer")
        await other.claim({source: 0})
        await other.refuse(source, "it is gone")

        with pytest.raises(SystemExit, match="it is gone"):
            await ledger.claim({source: 0})


async def test_a_batch_that_writes_too_much_is_not_taken_at_once(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, batch = (network.named(IN.name), 3), [a_message(network, TICK, n) for n in range(2)]
    monkeypatch.setattr(ledger_module, "WRITTEN_BYTES", 100)
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        with pytest.raises(Unwritable, match="too_much"):
            await ledger.process(batch, {here: 0}, {here: 2}, at_once)
        for offset, one in enumerate(batch):
            await ledger.process([one], {here: offset}, {here: offset + 1}, at_once)

        assert (await ledger.db.counts.find_one({"_id": "a"}))["version"] == 2


async def test_a_batch_that_only_computes_lets_others_breathe(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, batch = (network.named(IN.name), 3), [a_message(network, TICK, n) for n in range(4)]
    breaths = list[float]()

    async def busy(_tick: Tick, _tx: Transaction) -> None:
        time.sleep(0.2)  # noqa: ASYNC251  (it computes, and waits for nothing)

    async def beat() -> None:
        while True:
            breaths.append(time.monotonic())
            await asyncio.sleep(0)

    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        ledger.routes = {here[0]: replace(first.routes[IN.name], handle=busy)}
        heart = asyncio.create_task(beat())
        await ledger.process(batch, {here: 0}, {here: 4}, at_once)
        heart.cancel()

    assert max(later - before for before, later in pairwise(breaths)) < 0.5


async def test_who_is_said_again_when_the_inbox_has_forgotten_it_is_set_aside_once(network: Settings) -> None:
    here, once = (network.named(IN.name), 3), a_message(network, TICK, 0)
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        await ledger.process([once], {here: 0}, {here: 1}, at_once, "unwritable:11000")
        await ledger.db.inbox.delete_many({})
        await ledger.process([replace(once, offset=1)], {here: 1}, {here: 2}, at_once)

        assert await ledger.position(here) == 2
        assert [p["offset"] for p in await parking.listed(ledger.db)] == [0]


@pytest.mark.parametrize(("action", "seen"), [("discard", []), ("replay", [1])])
async def test_what_lies_here_twice_because_nobody_could_read_its_name_is_discarded_or_done_once(
    network: Settings, action: str, seen: list[int]
) -> None:
    async with a_ledger(network) as ledger:
        here = await _unreadable_twice(network, ledger)

        first, _ = await parking.listed(ledger.db)
        await _ask(ledger, here, first["id"], action, "replay")

        assert await parking.listed(ledger.db) == []
        assert (await ledger.db.counts.find_one({"_id": "a"}) or {"seen": []})["seen"] == seen


async def test_how_long_a_message_is_known_is_counted_by_the_clock_of_the_store(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a worker's that is far behind, the store would forget at once what was handled."""
    here, now = (network.named(IN.name), 3), datetime.now(UTC)
    behind = SimpleNamespace(now=lambda zone: datetime.now(zone) - timedelta(days=60))
    monkeypatch.setattr(ledger_module, "datetime", behind, raising=False)
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        await ledger.process([a_message(network, TICK, 0)], {here: 0}, {here: 1}, at_once)
        [known] = [entry async for entry in ledger.db.inbox.find()]

    assert abs(known["at"] - now) < timedelta(minutes=1)


async def test_who_would_change_what_it_did_not_declare_parks_its_message_and_no_other(network: Settings) -> None:
    here, batch = (
        (network.named(IN.name), 3),
        [a_message(network, TICK, 0), a_message(network, Tick(aggregate="b", number=1), 1)],
    )

    async def astray(tick: Tick, tx: Transaction) -> None:
        tx.save("sums" if tick.aggregate == "a" else "counts", {"_id": tick.aggregate})

    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        ledger.routes = {here[0]: replace(first.routes[IN.name], handle=astray)}
        await ledger.process(batch, {here: 0}, {here: 2}, at_once)

        assert [(p["offset"], p["reason"]) for p in await parking.listed(ledger.db)] == [(0, "failed:ValueError")]
        assert [doc["_id"] async for doc in ledger.db.counts.find()] == ["b"]


async def test_what_ops_asked_before_is_over_when_they_ask_anew(network: Settings) -> None:
    here, once = (network.named(IN.name), 3), a_message(network, TICK, 0)
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        await ledger.process([once], {here: 0}, {here: 1}, at_once, "unwritable:11000")
        for action in ("replay", "discard"):
            await parking.ask(ledger.db, str(once.id), action=action, by="network:ops", why="")
        [now] = await parking.requested(ledger.db, [here])
        before = now | {"action": "replay", "at": now["at"] - timedelta(seconds=1)}

        assert await ledger.replay(before, {here: 1}, at_once) == ({}, False)
        assert await parking.requested(ledger.db, [here]) == [now]
        assert len(await parking.listed(ledger.db)) == 1


async def _unreadable_twice(network: Settings, ledger: Ledger) -> Source:
    """One message that came twice when nobody could read it, so that each lies here under its place."""
    here, id = (network.named(IN.name), 3), uuid4()
    await ledger.claim({here: 0})
    for offset in range(2):
        as_it_was = a_message(network, TICK, offset, id, value=b"?")
        now = replace(as_it_was, value=a_record(network, TICK, offset, id).value)
        await ledger.process([now], {here: offset}, {here: offset + 1}, at_once)
    return here


async def _ask(ledger: Ledger, here: Source, id: str, *actions: Any) -> None:
    """One after another, each to its end: of the message, then of what still lies there of its key."""
    for action in actions:
        await parking.ask(ledger.db, id, action=action, by="network:ops", why="")
        for request in await parking.requested(ledger.db, [here]):
            more = True
            while more:
                _, more = await ledger.replay(request, {here: 2}, at_once)


@pytest.mark.parametrize("timestamp", [-1, 1 << 62, -(1 << 62)])
def test_a_record_is_read_whatever_time_it_says(network: Settings, timestamp: int) -> None:
    read = messages.read(a_record(network, TICK, 0, headers=(), timestamp=timestamp), IN)

    assert (read.fault, read.id) == ("unreadable:KeyError", messages.place_id(read.name, 3, 0, timestamp))


def test_a_time_before_all_times_is_unreadable(network: Settings) -> None:
    headers = [("ce_id", str(UUID(int=1)).encode()), ("ce_type", TICK.TYPE.encode())]
    read = messages.read(a_record(network, TICK, 0, headers=[*headers, ("ce_time", b"0001-01-01T00:00:00+05:00")]), IN)

    assert read.fault == "unreadable:OverflowError"


def test_what_this_release_is_asked_and_does_not_know_is_set_aside_for_the_next_and_other_events_are_not(
    network: Settings,
) -> None:
    """A command has an answer: passed over, it would never have one."""
    later = a_record(network, TICK, 0, type="staffetta.example.later.v1")

    assert [messages.read(later, topic).fault for topic in (IN, MIDDLE)] == ["unknown_type", None]
    assert messages.read(a_record(network, TICK, 0), IN).fault is None
