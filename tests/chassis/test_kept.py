"""What a topic is sure to hold still, for who asks for what was said since a time."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import OffsetOutOfRangeError

from contracts.topics import AGENCY_FEED, TOPICS, Topic
from services.chassis import kafka
from services.chassis.kafka import ensure_topics, is_whole, kept_from
from services.chassis.partitions import Partitions
from services.chassis.records import past_bad_ones
from services.chassis.settings import Settings

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_never_lost_anything_is_whole_from_any_time() -> None:
    assert is_whole(AGENCY_FEED, 0, NOW - 5 * DAY, NOW - 900 * DAY, NOW)


def test_within_the_retention_nothing_is_dropped_however_long_it_was_quiet() -> None:
    for first_at in (NOW - 5 * DAY, None):
        assert is_whole(AGENCY_FEED, 7, first_at, NOW - 20 * DAY, NOW)
        assert not is_whole(AGENCY_FEED, 7, first_at, NOW - 35 * DAY, NOW)


def test_what_is_older_and_not_dropped_yet_counts() -> None:
    assert is_whole(AGENCY_FEED, 7, NOW - 36 * DAY, NOW - 35 * DAY, NOW)


def test_there_is_an_hour_to_ask_for_what_is_said_to_be_kept() -> None:
    told = kept_from(AGENCY_FEED, NOW)

    assert is_whole(AGENCY_FEED, 7, None, told, NOW + timedelta(minutes=59))
    assert not is_whole(AGENCY_FEED, 7, None, told, NOW + timedelta(minutes=61))


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.personal], ids=lambda topic: topic.name)
async def test_what_holds_who_people_are_is_dropped_within_the_hour_after_its_days_though_more_comes(
    network: Settings, topic: Topic
) -> None:
    """A broker drops whole segments only, and as it is, one takes all that comes in a week."""
    name = topic.of("pa.comune")
    await ensure_topics(network, [(name, topic)])

    kept = await configured(network, name)

    assert timedelta(milliseconds=int(kept["retention.ms"])) == timedelta(days=7)
    assert timedelta(milliseconds=int(kept["segment.ms"])) <= timedelta(hours=1)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
async def test_whoever_says_something_when_it_was_said_is_told_by_the_broker(network: Settings, topic: Topic) -> None:
    """A clock that is ahead would be refused, and what one says that is behind be dropped before it is read."""
    name, now = topic.of("pa.comune"), datetime.now(UTC)
    await ensure_topics(network, [(name, topic)])

    async with AIOKafkaProducer(bootstrap_servers=network.kafka_url) as producer:
        for theirs in (now + timedelta(hours=2), now - 400 * DAY):
            at_ms = int(theirs.timestamp() * 1000)
            said = await producer.send_and_wait(network.named(name), b"{}", key=b"a", timestamp_ms=at_ms)
            assert abs(datetime.fromtimestamp(said.timestamp / 1000, UTC) - now) < timedelta(minutes=1)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_where_there_are_copies_two_have_what_is_acknowledged_and_none_that_lacks_it_leads(topic: Topic) -> None:
    safe = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}

    for copies in (2, 3):
        assert kafka._new(topic.name, topic, copies).topic_configs.items() >= safe.items()
    assert not kafka._new(topic.name, topic, 1).topic_configs.keys() & safe.keys()


async def configured(network: Settings, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=network.kafka_url)
    await admin.start()
    try:
        [told] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, network.named(name))])
    finally:
        await admin.close()
    [(*_, entries)] = told.resources
    return {entry[0]: entry[1] for entry in entries}


async def test_who_reads_around_a_header_is_told_of_what_is_gone_and_goes_on_nowhere_else(
    network: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, refused, nothing = AGENCY_FEED.of("pa.comune"), list[Any](), cast(Any, None)
    here = TopicPartition(network.named(name), 0)
    consumer = SimpleNamespace(assignment=lambda: {here}, paused=set, seek=lambda *_: None)

    async def refuse(*why: Any) -> None:
        refused.append(why)

    ledger: Any = SimpleNamespace(routes={}, settings=network, refuse=refuse)
    partitions = Partitions(ledger, nothing, lambda: SimpleNamespace(consumer=consumer))
    monkeypatch.setattr("services.chassis.partitions.die", sys.exit)
    reader, partitions.reached = partitions.asked, {here: 0}
    await ensure_topics(network, [(name, AGENCY_FEED)])
    async with AIOKafkaProducer(bootstrap_servers=network.kafka_url) as producer, reader:
        for _ in range(4):
            await producer.send_and_wait(here.topic, b"{}")
        admin = AIOKafkaAdminClient(bootstrap_servers=network.kafka_url)
        await admin.start()
        await admin.delete_records({here: RecordsToDelete(before_offset=2)})
        await admin.close()

        with pytest.raises(OffsetOutOfRangeError):
            await past_bad_ones(reader, here, 0, 4)
        assert [record.offset for record in await past_bad_ones(reader, here, 2, 4)] == [2, 3]

        with pytest.raises(SystemExit):
            async with asyncio.timeout(10):
                await partitions.anew()
    assert refused == [(here, "nothing is there at 0, where it was read to")]
