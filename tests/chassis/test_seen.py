"""What operators see of a worker: log lines that say whose they are, an outbox that is stuck, an inbox that expires."""

import asyncio
import json
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka.errors import GroupAuthorizationFailedError
from motor.motor_asyncio import AsyncIOMotorClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pymongo.errors import AutoReconnect

from contracts import topics
from services.chassis import telemetry
from services.chassis.kafka import ensure_topics
from services.chassis.ledger import INBOX_DAYS, INDEXES, Ledger
from services.chassis.messages import Incoming, Outgoing, Source
from services.chassis.operations import look
from services.chassis.outbox import STUCK_S, Outbox
from services.chassis.settings import Settings
from services.chassis.telemetry import JsonLines, belongs_to, processing
from services.chassis.worker import Worker
from tests.chassis.example import IN, Tick
from tests.chassis.ledgers import a_ledger, at_once


def incoming(**headers: str) -> Incoming:
    at, id = datetime(2026, 10, 27, tzinfo=UTC), UUID(int=7)
    return Incoming(id, topics.REFERRALS, "referrals", 3, 14, b"k", b"{}", headers, at)


def line(**extra: object) -> dict[str, Any]:
    record = logging.LogRecord("n", logging.INFO, "", 1, "done", (), None)
    record.__dict__ |= extra
    said: dict[str, Any] = json.loads(JsonLines("referral", "0").format(record))
    return said


def test_a_log_line_says_which_journey_it_is_about_as_long_as_a_message_is_handled() -> None:
    before = line().get("correlation_id")
    with processing(incoming(ce_correlationid="journey-1"), []):
        inside = line(**incoming().where)
        belongs_to("journey-2")
        told = line()

    assert (inside["correlation_id"], inside["topic"], inside["partition"]) == ("journey-1", "referrals", 3)
    assert told["correlation_id"] == "journey-2"
    assert line().get("correlation_id") == before


@pytest.mark.parametrize("name", ["traceparent", "ce_traceparent"])
def test_of_a_callers_trace_no_more_is_looked_at_than_a_trace_is_long(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own pattern takes the square of its length."""
    looked_at: list[Any] = []
    monkeypatch.setattr(telemetry._w3c, "extract", looked_at.append)
    with suppress(Exception), processing(incoming(**{name: "00-" + 900_000 * " "}), []):
        pass

    assert [len(carrier["traceparent"]) for carrier in looked_at] == [55]


def test_a_log_line_holds_our_words_and_known_fields_and_no_others() -> None:
    assert "name" not in line(name_of_person="Amina", value="Prova") and "Prova" not in json.dumps(line(value="Prova"))


async def test_a_batch_that_is_done_again_tells_of_each_message_once(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(told))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    tick = Tick(aggregate="a", number=1)
    here: Source = (network.named(IN.name), 3)
    batch = [replace(incoming(), id=uuid4(), topic=IN, name=here[0], offset=n, message=tick) for n in range(3)]
    move, turns = Ledger._move, iter([AutoReconnect(), None])

    async def away_at_first(self: Ledger, *how: Any) -> None:
        await move(self, *how)
        if fault := next(turns):
            raise fault

    monkeypatch.setattr(Ledger, "_move", away_at_first)
    async with a_ledger(network) as ledger:
        await ledger.claim({here: 0})
        for _ in range(2):
            with suppress(AutoReconnect):
                await ledger.process(batch, {here: 0}, {here: 3}, at_once)
        assert await ledger.position(here) == 3

    assert [(s.attributes or {})["messaging.kafka.offset"] for s in told.get_finished_spans()] == [0, 1, 2]


async def test_an_outbox_that_the_broker_leaves_waiting_is_stuck_until_it_is_answered(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = asyncio.Event()

    async def owns(_sources: object) -> bool:
        return True

    outbox = Outbox(network, owns)
    await outbox.producer.start()
    monkeypatch.setattr(outbox, "send", lambda _rows: answered.wait())
    outbox.begin({("t", 0): [Outgoing("t", b"", b"", [])]}, time.monotonic() - STUCK_S - 1)
    await asyncio.sleep(0)
    waiting = outbox.stuck
    answered.set()
    await outbox.finished()
    await outbox.producer.stop()

    assert (waiting, outbox.stuck) == (True, False)


async def test_a_worker_to_which_the_broker_gives_nothing_is_not_ready(network: Settings) -> None:
    """It may answer all others: as one does that has no right on its group, or may not be in it for so short a time."""
    await ensure_topics(network, [(topics.DIRECTORY.name, topics.DIRECTORY)])
    answers = iter([GroupAuthorizationFailedError, None, None])

    async def getmany(**_how: Any) -> dict[Any, Any]:
        if refused := next(answers):
            raise refused
        return {}

    async with a_ledger(network) as ledger:
        worker: Any = Worker(ledger)
        worker.subscriber.consumer = consumer = SimpleNamespace(getmany=getmany, assignment=set, paused=set)
        async with worker.outbox.producer, worker.partitions.asked:
            worker.is_open = True
            with pytest.raises(GroupAuthorizationFailedError):
                await worker._fetched(consumer)
            seen = [(await look(worker))["broker"]]
            await worker._fetched(consumer)
            seen.append((await look(worker))["broker"])

    assert seen == [False, True]


async def test_the_store_lets_the_inbox_expire_after_all_retention(network: Settings) -> None:
    client: Any = AsyncIOMotorClient(network.mongo_url.get_secret_value())
    inbox = client[network.named("seen")].inbox
    await inbox.create_indexes(INDEXES["inbox"])
    expires = [i["expireAfterSeconds"] for i in (await inbox.index_information()).values() if "expireAfterSeconds" in i]
    await client.drop_database(network.named("seen"))
    client.close()

    kept = [t.retention_days for t in topics.TOPICS if t.retention_days]
    assert expires == [INBOX_DAYS * 86_400]
    assert max(kept) < INBOX_DAYS
