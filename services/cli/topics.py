"""The topics of this network: whose they are, who reads them, how much they hold, and who is behind."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from contracts.topics import TOPICS, Topic
from services.cli.faults import AWAY, UNSEEN, CannotDo
from services.cli.session import Session
from services.cli.words import NOTHING, Words

if TYPE_CHECKING:
    from aiokafka import TopicPartition
    from rich.console import Console

PATIENCE_MS = 10_000

Place = tuple[str, int]
"""A topic's name without the network's prefix, and a partition."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One row of `contracts.topics`, as the broker has it. topics: how many there are, one an agency or one at all.

    messages: those still kept; of a compacted topic an upper bound. lag: by consumer group, what it has yet to read.
    """

    name: str
    owner: str
    topics: int
    partitions: int
    retention_days: int | None
    readers: tuple[str, ...]
    messages: int
    lag: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Offsets:
    """Where each partition begins and ends, and how far each group is."""

    begin: Mapping[Place, int]
    end: Mapping[Place, int]
    read: Mapping[str, Mapping[Place, int]]


def topics(session: Session, agency: str | None) -> None:
    """agency: of the agencies' topics only this one's are counted."""
    where = session.endpoints
    url = where.need_kafka()
    seen = _counted(asyncio.run(_look(url, where.named(""))), agency)
    if agency and not any(row.topics for row in seen if "{agency}" not in row.name and agency in row.name):
        raise CannotDo(f"No topics on the broker for {agency}.", UNSEEN)
    session.tell([asdict(row) for row in seen], lambda console, words: _page(seen, console, words))


def _counted(offsets: Offsets, agency: str | None) -> list[Seen]:
    return [_seen(topic, topic.of(agency or "{agency}"), _names(topic, agency, offsets), offsets) for topic in TOPICS]


def _names(topic: Topic, agency: str | None, offsets: Offsets) -> set[str]:
    """The topics on the broker that this row of the contracts stands for."""
    there = {name for name, _ in offsets.end}
    if not topic.one_per_agency or agency:
        return there & {topic.of(agency or "")}
    before, after = topic.name.split("{agency}")
    return {name for name in there if name.startswith(before) and name.endswith(after)}


def _seen(topic: Topic, name: str, names: set[str], offsets: Offsets) -> Seen:
    places = [place for place in offsets.end if place[0] in names]
    return Seen(
        name=name,
        owner=topic.owner,
        topics=len(names),
        partitions=len(places),
        retention_days=topic.retention_days,
        readers=topic.readers,
        messages=sum(offsets.end[place] - offsets.begin[place] for place in places),
        lag=_lags(places, offsets),
    )


def _lags(places: Iterable[Place], offsets: Offsets) -> dict[str, int]:
    """Of each group that has ever read one of them, in the topics it reads; where it has not yet been, all is left."""
    behind: dict[str, int] = {}
    for group, read in offsets.read.items():
        topics = {name for name, _ in read}
        if own := [place for place in places if place[0] in topics]:
            positions = ((place, max(read.get(place, 0), offsets.begin[place])) for place in own)
            behind[group] = sum(max(0, offsets.end[place] - at) for place, at in positions)
    return behind


# -- the broker --------------------------------------------------------------------------------------------------------
async def _look(url: str, prefix: str) -> Offsets:
    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    from services.chassis import reaching
    from services.chassis.settings import from_environment

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    reached = reaching.broker(from_environment(), url)
    consumer = AIOKafkaConsumer(**reached, request_timeout_ms=PATIENCE_MS)
    admin = AIOKafkaAdminClient(**reached, request_timeout_ms=PATIENCE_MS)
    try:
        await consumer.start()
        await admin.start()
        read = await _groups(admin, prefix)
        ours = _partitions(await admin.describe_topics(), prefix)
        consumer.assign(ours)
        begin, end = await consumer.beginning_offsets(ours), await consumer.end_offsets(ours)
    except (KafkaError, OSError) as fault:
        raise CannotDo(f"Kafka does not answer at {url} ({type(fault).__name__}).", AWAY) from None
    finally:
        await admin.close()
        await consumer.stop()
    return Offsets(_placed(begin, prefix), _placed(end, prefix), read)


async def _groups(admin: Any, prefix: str) -> dict[str, dict[Place, int]]:
    """Read before the ends are, so that nobody seems to be ahead."""
    found: dict[str, dict[Place, int]] = defaultdict(dict)
    for group, *_ in await admin.list_consumer_groups():
        if group.startswith(prefix):
            stored = await admin.list_consumer_group_offsets(group)
            positions = {tp: position.offset for tp, position in stored.items() if position.offset >= 0}
            found[group.removeprefix(prefix)] = _placed(positions, prefix)
    return found


def _partitions(described: Iterable[Mapping[str, Any]], prefix: str) -> list["TopicPartition"]:
    """Of the topics of this network."""
    from aiokafka import TopicPartition

    known = {prefix + topic.name for topic in TOPICS}
    names = {
        topic["topic"]: topic["partitions"]
        for topic in described
        if topic["topic"] in known or topic["topic"].startswith(f"{prefix}agencies.")
    }
    return [TopicPartition(name, at["partition"]) for name, partitions in names.items() for at in partitions]


def _placed(offsets: Mapping["TopicPartition", int], prefix: str) -> dict[Place, int]:
    return {(tp.topic.removeprefix(prefix), tp.partition): offset for tp, offset in offsets.items()}


# -- a page ------------------------------------------------------------------------------------------------------------
def _page(seen: list[Seen], console: "Console", words: Words) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("topic", "owned_by", "topics", "partitions", "kept", "messages", "lag", "readers"):
        right = heading in ("topics", "partitions", "messages")
        table.add_column(words(heading), justify="right" if right else "left", overflow="fold")
    for row in seen:
        kept = f"{row.retention_days} d" if row.retention_days else words("latest_only")
        behind = ", ".join(f"{group} {n}" if not n else f"[yellow]{group} {n}[/]" for group, n in row.lag.items())
        counts = (str(row.topics), str(row.partitions), kept, str(row.messages))
        cells = (row.name, row.owner, *counts, behind or NOTHING, ", ".join(row.readers))
        table.add_row(*cells, style=None if row.topics else "red")
    console.print(table)
