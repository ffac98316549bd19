"""The broker as the HTTP door uses it: a message put on an agency's own topic, its feed read by position."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from contracts.topics import AGENCY_COMMANDS, AGENCY_FEED, PEOPLE_COMMANDS
from services.chassis import reaching
from services.chassis.kafka import Refused, ensure_topics, is_whole, kept_from
from services.chassis.messages import Outgoing
from services.chassis.reaching import kind_of
from services.chassis.service import Context
from services.chassis.settings import Settings
from services.gateway import store
from services.gateway.domain.door import Voice

log = logging.getLogger("staffetta.gateway")

Entry = dict[str, Any]

AGENCIES = "/agencies/"
LOOK_S, AGAIN_S, WRITE_S, FETCH_S, TURN_S = 1, 15, 5, 5, 0.5


class Gone(Exception):
    """The feed no longer holds what follows this cursor or time, or never gave this cursor.

    kept_from: since when it is whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept_from = kept_from(AGENCY_FEED, datetime.now(UTC))


async def keep_topics(context: Context) -> None:
    """Every agency of the directory has its two topics, whether it has a system of its own or speaks over HTTP.

    Those that arrive together are made together: each time topics appear, the workers share them out anew. Where the
    broker refuses any of an agency's, that is logged and they are asked for again later.
    """
    made: set[str] = set()
    seen: set[str] = set()
    refused: set[str] = set()
    again_at = 0.0
    while True:
        try:
            if time.monotonic() > again_at:
                refused, again_at = set(), time.monotonic() + AGAIN_S
            new = await store.agencies(context.db) - made - refused
            if new and new == seen:
                refused |= await _make_topics(context.settings, new)
                context.look_for_topics()
                made |= new - refused
            seen = new
        except (KafkaError, PyMongoError, TimeoutError) as fault:
            log.warning("topics of new agencies must wait: %s", kind_of(fault))
        await asyncio.sleep(LOOK_S)


async def _make_topics(settings: Settings, agencies: set[str]) -> set[str]:
    """Returns the agencies that lack one, since the broker refuses it."""
    wanted = {topic.of(code): (code, topic) for code in agencies for topic in (AGENCY_COMMANDS, AGENCY_FEED)}
    try:
        await ensure_topics(settings, [(name, topic) for name, (_, topic) in wanted.items()])
    except Refused as refused:
        return {code for name, (code, _) in wanted.items() if settings.named(name) in refused.args[0]}
    return set()


async def put(context: Context, who: Voice, body: bytes, attributes: dict[str, str | None]) -> None:
    """Write to the agency's own topic as if its system had, what a person says to the people's; returns when every copy
    that is in sync has it: two at least, where there are more than one.
    """
    attributes = attributes | {"ce_source": f"{AGENCIES}{who.agency}"}
    if who.roles:
        attributes |= {"ce_actor": who.actor, "ce_roles": ",".join(who.roles)}
    headers = [(name, value.encode()) for name, value in attributes.items() if value]
    topic = context.settings.named(PEOPLE_COMMANDS.name if who.roles else AGENCY_COMMANDS.of(who.agency))
    key = (attributes["ce_id"] or "").encode()
    await asyncio.wait_for(context.put(Outgoing(topic, key, body, headers)), WRITE_S)


def person_of(headers: Mapping[str, str]) -> Voice:
    """Who says what lies on the people's topic, as `put` wrote it down."""
    agency = headers.get("ce_source", "").removeprefix(AGENCIES)
    return Voice(agency, headers.get("ce_actor"), tuple(headers.get("ce_roles", "").split(",")))


@dataclass(frozen=True, slots=True)
class Page:
    """What of a feed is asked for. after: a position. since: a time, where there is no position. wait: seconds."""

    after: int | None
    since: datetime | None
    limit: int
    wait: float


async def read_feed(
    settings: Settings, agency: str, page: Page, stopping: asyncio.Event
) -> tuple[list[Entry], int | None]:
    """What follows in the agency's feed, waiting for the first entry for so many seconds; and where it ends.

    limit 0: nothing, and the feed's own end. Raises Gone.
    """
    after = page.after
    consumer = AIOKafkaConsumer(**reaching.broker(settings), enable_auto_commit=False)
    try:
        await consumer.start()
        feed = TopicPartition(settings.named(AGENCY_FEED.of(agency)), 0)
        if feed.topic not in await consumer.topics():
            return [], after
        consumer.assign([feed])
        begin, end = (await consumer.beginning_offsets([feed]))[feed], (await consumer.end_offsets([feed]))[feed]
        if page.limit == 0:
            return [], end - 1 if end else None
        start = begin if after is None else after + 1
        if page.since:
            if not await _is_whole(consumer, feed, page.since, begin, end):
                raise Gone
            start = await _first_since(consumer, feed, page.since, end)
            after = start - 1 if start else None
        if not begin <= start <= end:
            raise Gone
        consumer.seek(feed, start)
        until = time.monotonic() + (max(page.wait, FETCH_S) if start < end else page.wait)
        entries = await _first_entries(consumer, page.limit, until, stopping)
        return entries, entries[-1]["cursor"] if entries else after
    finally:
        await consumer.stop()


async def _is_whole(consumer: AIOKafkaConsumer, feed: TopicPartition, since: datetime, begin: int, end: int) -> bool:
    """What was never dropped from is not read for it."""
    first = None
    if 0 < begin < end:
        consumer.seek(feed, begin)
        first = await asyncio.wait_for(consumer.getone(feed), FETCH_S)
    first_at = datetime.fromtimestamp(first.timestamp / 1000, UTC) if first else None
    return is_whole(AGENCY_FEED, begin, first_at, since, datetime.now(UTC))


async def _first_since(consumer: AIOKafkaConsumer, feed: TopicPartition, since: datetime, end: int) -> int:
    """Of what is still kept, the first that was said then or later; the end when nothing was."""
    found = (await consumer.offsets_for_times({feed: max(0, int(since.timestamp() * 1000))}))[feed]
    return int(found.offset) if found else end


async def _first_entries(consumer: AIOKafkaConsumer, limit: int, until: float, stopping: asyncio.Event) -> list[Entry]:
    """In short turns, so that a long poll never holds up a process that is asked to stop."""
    while (left := until - time.monotonic()) > 0 and not stopping.is_set():
        found = await consumer.getmany(timeout_ms=int(min(left, TURN_S) * 1000), max_records=limit)
        if records := [record for batch in found.values() for record in batch]:
            return [_entry(record) for record in records]
    return []


def _entry(record: Any) -> Entry:
    """CloudEvents in JSON, with its position as the extension `cursor`."""
    headers = {name: value.decode() for name, value in record.headers}
    attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    return attributes | {
        "datacontenttype": "application/json",
        "cursor": record.offset,
        "data": json.loads(record.value),
    }
