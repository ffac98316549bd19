"""An agency's feed read again from a time, over Kafka or HTTP: each entry as the same CloudEvent in JSON."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from services.cli import http, tokens
from services.cli.faults import CannotDo
from services.cli.session import Session
from services.cli.words import NOTHING, ROME, Words

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, TopicPartition

Entry = dict[str, Any]
GONE, PAGE, FETCH_S = 410, 500, 10


def feed(session: Session, agency: str, since: str | None, over: str | None) -> None:
    """Print it to its end as it is now."""
    if over not in (None, "kafka", "http"):
        raise CannotDo("--over is kafka or http.", status=2)
    at = _instant(since) if since else None
    try:
        if over == "http" or (over is None and not session.endpoints.kafka):
            for entry in _over_http(session, agency, at):
                _print(entry, session)
        else:
            asyncio.run(_print_all(session, agency, at))
    except BrokenPipeError:  # whoever read is gone; python would complain of it once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _instant(stated: str) -> datetime:
    """A day begins at midnight in Italy."""
    try:
        if len(stated) == len("2026-11-20"):
            return datetime.combine(date.fromisoformat(stated), time(), ROME)
        at = datetime.fromisoformat(stated)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise CannotDo(
            f"--since is a day, such as 2026-11-20, or a time with its offset, such as 2026-11-20T08:00:00+01:00, "
            f"not “{stated}”.", status=2,
        )  # fmt: skip
    return at


def _dropped(agency: str, kept_from: str) -> CannotDo:
    return CannotDo(
        f"Entries of {agency} since then were dropped; from {kept_from} on all are kept.",
        f"Read with --since {kept_from}, and ask for the state of what you had open before (GET /v1/referrals/ID).",
    )


def _print(entry: Entry, session: Session) -> None:
    print(json.dumps(entry, ensure_ascii=False) if session.json else _line(entry, session.words), flush=True)


def _line(entry: Entry, words: Words) -> str:
    data = entry["data"]
    about = data.get("referral_id") or data.get("command_id") or data.get("intake_id") or NOTHING
    short = entry["type"].removeprefix("staffetta.").rpartition(".")[0]
    return "  ".join((words.at(entry["time"]), short, str(data.get("code") or data.get("state") or NOTHING), about))


# -- over HTTP ---------------------------------------------------------------------------------------------------------
def _over_http(session: Session, agency: str, since: datetime | None) -> Iterator[Entry]:
    asked = {"since": since.isoformat()} if since else {}
    while True:
        headers = tokens.bearer(session.endpoints, agency=agency)
        params = {"limit": str(PAGE), **asked}
        response = http.send(session.endpoints, "gateway", "/v1/feed", headers=headers, params=params)
        if response.status_code == GONE:
            raise _dropped(agency, response.json().get("kept_from"))
        if response.status_code in (401, 403):
            raise CannotDo(f"The gateway does not let {agency} in.", http.NOT_LET_IN)
        if not response.is_success:
            raise CannotDo(f"The gateway answered {response.status_code}.", "Try again in a moment.")
        page = response.json()
        yield from page["entries"]
        if not page["entries"]:
            return
        asked = {"after": str(page["next"])}


# -- over Kafka --------------------------------------------------------------------------------------------------------
async def _print_all(session: Session, agency: str, since: datetime | None) -> None:
    async for entry in _over_kafka(session, agency, since):
        _print(entry, session)


async def _over_kafka(session: Session, agency: str, since: datetime | None) -> AsyncIterator[Entry]:
    """As an agency's own system would: the offset of a time, from there to the end."""
    from services.cli.wire import opened

    where = session.endpoints
    async with opened(where.need_kafka(), where.named, [agency], from_the_beginning=True) as wire:
        consumer, (feed,) = wire.consumer, wire.feeds
        begin, end = (await consumer.beginning_offsets([feed]))[feed], (await consumer.end_offsets([feed]))[feed]
        start = await _start(consumer, feed, begin, end, agency, since) if since else begin
        consumer.seek(feed, start)
        while start < end:
            record = await asyncio.wait_for(consumer.getone(feed), FETCH_S)
            start = record.offset + 1
            yield _entry(record)


async def _start(
    consumer: "AIOKafkaConsumer", feed: "TopicPartition", begin: int, end: int, agency: str, since: datetime
) -> int:
    """The first offset of this time or later. Raises CannotDo when what was there may have been dropped."""
    from contracts.topics import AGENCY_FEED
    from services.chassis.kafka import is_whole, kept_from

    first = await asyncio.wait_for(consumer.getone(feed), FETCH_S) if 0 < begin < end else None
    first_at = datetime.fromtimestamp(first.timestamp / 1000, UTC) if first else None
    now = datetime.now(UTC)
    if not is_whole(AGENCY_FEED, begin, first_at, since, now):
        raise _dropped(agency, kept_from(AGENCY_FEED, now).isoformat())
    found = (await consumer.offsets_for_times({feed: max(0, int(since.timestamp() * 1000))}))[feed]
    return int(found.offset) if found else end


def _entry(record: Any) -> Entry:
    """As the gateway gives it over HTTP."""
    headers = {name: value.decode() for name, value in record.headers}
    attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
    known = {"datacontenttype": "application/json", "cursor": record.offset, "data": json.loads(record.value)}
    return attributes | known
