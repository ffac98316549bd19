"""An agency's system written with nothing but aiokafka and the `cloudevents` package, as its engineers would."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cloudevents.core.bindings.kafka import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

Entry = dict[str, Any]
Step = tuple[str, dict[str, Any]]


@dataclass
class Agency:
    """One agency's two topics. `entries` is its feed so far, repeats (same id) dropped."""

    code: str
    kafka_url: str
    prefix: str = ""
    entries: list[Entry] = field(default_factory=list)
    repeats: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)
    """One more entry came."""

    async def open(self) -> None:
        self.producer = AIOKafkaProducer(bootstrap_servers=self.kafka_url, acks="all", enable_idempotence=True)
        self.consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka_url, auto_offset_reset="earliest")
        await self.producer.start()
        await self.consumer.start()
        self.feed = TopicPartition(f"{self.prefix}agencies.{self.code}.feed", 0)
        while self.feed.topic not in await self.consumer.topics():
            await asyncio.sleep(0.2)
        self.consumer.assign([self.feed])
        await self.consumer.seek_to_beginning(self.feed)
        self._ids: set[str] = set()
        self.reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        self.reading.cancel()
        await self.consumer.stop()
        await self.producer.stop()

    def stop_reading(self) -> None:
        """As if its system were away; what it is told meanwhile stays on its feed."""
        self.reading.cancel()

    def read_again(self) -> None:
        self.reading = asyncio.create_task(self._read())

    async def say(self, type: str, value: bytes | Entry, *, id: str | None = None, **extensions: str) -> str:
        """Publish one command; returns the id it went out under. extensions: of CloudEvents, as `traceparent`."""
        id = id or uuid4().hex
        attributes = {
            "id": id, "source": f"/agencies/{self.code}", "type": type, "specversion": "1.0", "time": datetime.now(UTC),
            "datacontenttype": "application/json", **extensions,
        }  # fmt: skip
        message = to_binary(CloudEvent(attributes=attributes, data={}), JSONFormat())
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        headers = [(k, v if isinstance(v, bytes) else v.encode()) for k, v in message.headers.items()]
        await self.producer.send_and_wait(f"{self.prefix}agencies.{self.code}.commands", body, headers=headers)
        return id

    async def submit(self, intake: Entry, *, id: str | None = None) -> str:
        return await self.say("staffetta.intake.submit.v1", intake, id=id or intake["idempotency_key"])

    async def command(self, referral_id: str, command: str, *, id: str | None = None, **fields: Any) -> str:
        id = id or uuid4().hex
        body = {"command_id": id, "referral_id": referral_id, "command": command, "agency": self.code, **fields}
        return await self.say(f"staffetta.referral.{command}.v1", body, id=id)

    async def _read(self) -> None:
        async for record in self.consumer:
            headers = {k: v.decode() for k, v in record.headers}
            if headers["ce_id"] in self._ids:
                self.repeats += 1
                continue
            self._ids.add(headers["ce_id"])
            entry = {"type": headers["ce_type"], "key": record.key.decode(), "value": json.loads(record.value)}
            self.entries.append(entry | {"at": time.time(), "headers": headers, "offset": record.offset})
            async with self.news:
                self.news.notify_all()

    # -- what came -----------------------------------------------------------------------------------------------------
    async def wait(self, wanted: Callable[[Entry], bool], seconds: float = 120) -> Entry:
        seen = 0
        try:
            async with asyncio.timeout(seconds), self.news:
                while True:
                    for entry in self.entries[seen:]:
                        if wanted(entry):
                            return entry
                    seen = len(self.entries)
                    await self.news.wait()
        except TimeoutError:
            types = [entry["type"] for entry in self.entries]
            raise TimeoutError(f"{self.code}: nothing of the kind in {types[-12:]}") from None

    async def answer(self, command_id: str, seconds: float = 120) -> Entry:
        """The answer to a command of ours, by the id we gave it."""
        return await self.wait(lambda e: is_answer(e) and e["value"]["asked"]["command_id"] == command_id, seconds)

    async def event(self, short: str, seconds: float = 120, **fields: Any) -> Entry:
        """The first entry of `staffetta.<short>.v1` with these fields."""
        type = f"staffetta.{short}.v1"
        return await self.wait(
            lambda e: e["type"] == type and all(str(e["value"].get(k)) == str(v) for k, v in fields.items()), seconds
        )

    def answers(self, command_id: str) -> list[Entry]:
        return [e for e in self.entries if is_answer(e) and e["value"]["asked"]["command_id"] == command_id]


def is_answer(entry: Entry) -> bool:
    return str(entry["type"]).startswith("staffetta.command.")


@dataclass
class Working(Agency):
    """An agency that answers what it is asked: it declines every third referral and carries the others to the end."""

    said: dict[str, tuple[str, Entry]] = field(default_factory=dict)
    asked: int = 0
    seen: int = 0

    async def is_idle(self) -> bool:
        """Whether its feed is read, all that asks something of it is done, and what it said has an answer."""
        if self._is_busy:
            return False
        read = await self.consumer.end_offsets([self.feed]) == {self.feed: await self.consumer.position(self.feed)}
        return read and not self._is_busy

    @property
    def _is_busy(self) -> bool:
        answered = {e["value"]["asked"]["command_id"] for e in self.entries if is_answer(e)}
        return self.seen < len(self.entries) or not self.said.keys() <= answered

    async def submit(self, intake: Entry, *, id: str | None = None) -> str:
        self.said[id or intake["idempotency_key"]] = ("submit", {})
        return await super().submit(intake, id=id)

    async def work(self) -> None:
        while True:
            while self.seen < len(self.entries):
                entry = self.entries[self.seen]
                if entry["value"].get("receiver_agency") == self.code:
                    await self._answer(entry)
                self.seen += 1
            async with self.news:
                await self.news.wait_for(lambda: self.seen < len(self.entries))

    async def _answer(self, entry: Entry) -> None:
        referral = entry["value"]["referral_id"]
        for command, fields in self.steps(entry):
            id = f"{referral}/{command}"
            self.said[id] = (command, {"referral_id": referral, **fields})
            await self.command(referral, command, id=id, **fields)

    def steps(self, entry: Entry) -> list[Step]:
        """The commands, each with its fields, that an event moves this agency to; the same for the same event."""
        match entry["type"]:
            case "staffetta.referral.sent.v1" if entry["value"]["seat"] != "asked":  # else it is told again once held
                self.asked += 1
                if self.asked % 3:
                    return [("acknowledge", {}), ("accept", {})]
                return [("acknowledge", {}), ("decline", {"decline_reason": "no_capacity"})]
            case "staffetta.referral.accepted.v1":
                return [("start", {"first_contact_at": "2026-11-24T09:00:00Z", "contact_mode": "desk"})]
            case "staffetta.referral.started.v1":
                return [("close", {"closure_outcome": "served_completed"})]
        return []


def disorder(entries: list[Entry]) -> list[str]:
    """For each aggregate the versions must never fall, and an answer must come before the events of its version.

    An intake and the journey that it begins have one id, and are two aggregates of two services.
    """
    found = []
    last: dict[tuple[str, bool], int] = defaultdict(int)
    for entry in entries:
        of = entry["key"], entry["value"].get("intake_id") == entry["key"]
        sequence = int(entry["headers"].get("ce_sequence", last[of]))
        late = is_answer(entry) and "accepted" in entry["type"] and sequence == last[of] > 0
        if late or sequence < last[of]:
            found.append(f"{entry['key']}: {entry['type']} of version {sequence} after version {last[of]}")
        last[of] = sequence
    return found
