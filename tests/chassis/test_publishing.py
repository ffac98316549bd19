"""What is owed is said by who owns it still, however long it takes to say it."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, LeaderNotAvailableError, OutOfOrderSequenceNumber
from aiokafka.producer import message_accumulator

from services.chassis import outbox as outbox_module
from services.chassis.kafka import ensure_topics
from services.chassis.messages import Outgoing, Source
from services.chassis.outbox import Outbox
from services.chassis.settings import Settings
from tests.chassis.example import OUT

OWED = {("in", 0): [Outgoing("out", b"a", b"{}", [])]}


@asynccontextmanager
async def an_outbox(owns: Any, send: Any) -> AsyncIterator[Outbox]:
    outbox: Any = Outbox(Settings(environment="test"), owns)
    outbox.send = send
    yield outbox
    await outbox.producer.stop()


async def test_who_is_cut_off_while_it_publishes_asks_whether_another_took_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the producer would say it whenever the broker is there again, after what the other has said since."""
    answers = iter([True, True, False])

    async def owns(_sources: Collection[Source]) -> bool:
        return next(answers)

    async def never(_rows: list[Outgoing]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(outbox_module, "die", sys.exit)
    async with an_outbox(owns, never) as outbox:
        outbox._frozen_s = 0.01
        with pytest.raises(SystemExit, match="another worker owns my partition"):
            await outbox._publish(OWED)

    assert next(answers, None) is None


async def test_what_cannot_be_said_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_rows: list[Outgoing]) -> None:
        raise ConnectionError

    monkeypatch.setattr(outbox_module, "die", sys.exit)
    async with an_outbox(lambda _sources: asyncio.sleep(0, True), fails) as outbox:
        with pytest.raises(SystemExit, match="publishing failed: ConnectionError"):
            await outbox._publish(OWED)


async def test_what_waits_for_a_leader_for_an_hour_is_said_still_and_so_is_what_follows(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def owns(_sources: Collection[Source]) -> bool:
        return True

    async with Outbox(network, owns).producer as producer:
        assert await _said_around_an_hour(producer, network, monkeypatch) == [0, 1, 2]


async def test_without_it_what_has_waited_is_lost_and_what_follows_is_refused(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What aiokafka does by itself; else the test above would show nothing."""
    async with AIOKafkaProducer(bootstrap_servers=network.kafka_url, enable_idempotence=True) as producer:
        said = await _said_around_an_hour(producer, network, monkeypatch)

    assert [type(fault) for fault in said[1:]] == [LeaderNotAvailableError, OutOfOrderSequenceNumber]


async def test_whom_the_broker_counts_otherwise_begins_anew(network: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lost its tail, or a right was taken away and given back: it takes nothing more from this process, ever."""
    await ensure_topics(network, [(OUT.name, OUT)])
    monkeypatch.setattr(outbox_module, "die", sys.exit)
    topic = network.named(OUT.name)
    outbox = Outbox(network, AsyncMock())
    async with outbox.producer:
        await outbox.put(Outgoing(topic, b"a", b"{}", []))
        for partition in range(OUT.partitions):
            outbox.producer._txn_manager.increment_sequence_number(TopicPartition(topic, partition), 3)
        with pytest.raises(SystemExit, match="takes nothing from us any more: OutOfOrderSequenceNumber"):
            await outbox.put(Outgoing(topic, b"a", b"{}", []))


async def _said_around_an_hour(
    producer: AIOKafkaProducer, network: Settings, monkeypatch: pytest.MonkeyPatch
) -> list[int | KafkaError]:
    """What came of one message before a partition has no leader for an hour, one while it has none, and one after."""
    await ensure_topics(network, [(OUT.name, OUT)])
    here, cluster, hours = TopicPartition(network.named(OUT.name), 1), producer.client.cluster, [0]
    leader, is_away = cluster.leader_for_partition, [False]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600 * hours[0])
    monkeypatch.setattr(message_accumulator, "time", clock)
    monkeypatch.setattr(cluster, "leader_for_partition", lambda p: -1 if is_away[0] and p == here else leader(p))

    async def say() -> int | KafkaError:
        try:
            return int((await producer.send_and_wait(here.topic, b"{}", partition=here.partition)).offset)
        except KafkaError as fault:
            return fault

    before, is_away[0] = await say(), True
    meanwhile = asyncio.create_task(say())
    await asyncio.sleep(0.5)
    hours[0] = 1
    await asyncio.sleep(0.5)
    is_away[0] = False
    return [before, await asyncio.wait_for(meanwhile, 10), await asyncio.wait_for(say(), 10)]
