"""Reading a network's topics from their beginning to the end that they have now."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from contracts import topics
from contracts.stated import SubmitIntake
from contracts.topics import AGENCY_COMMANDS, AGENCY_FEED, PEOPLE_COMMANDS
from services.chassis import reaching
from services.chassis.messages import place_id
from services.chassis.settings import Settings
from services.cli.verify.loaded import Doc, Said, Source

READ = (
    topics.PEOPLE_COMMANDS, topics.INTAKES, topics.REFERRALS, topics.CAPACITY, topics.DIRECTORY,
    topics.HOUSING_COMMANDS, topics.PROGRAMMES_COMMANDS,
)  # fmt: skip
"""Beside the agencies' own. What intake and referral are asked is answered where they say what happened."""

NOT_KEPT = frozenset({"person", "candidates", "out"})
"""Of an event: large, and no check asks for it."""

Telling = Callable[[int, int], None]
"""How many messages were read, of how many."""

Asking = Callable[[list[TopicPartition]], Awaitable[dict[TopicPartition, int]]]


class Topics:
    """The topics of one network, by their names in the contracts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.admin = AIOKafkaAdminClient(**reaching.broker(settings))
        self.consumer = AIOKafkaConsumer(**reaching.broker(settings), enable_auto_commit=False)
        self._known = set[str]()

    async def open(self) -> None:
        await self.admin.start()
        await self.consumer.start()

    async def close(self) -> None:
        await self.consumer.stop()
        await self.admin.close()

    async def partitions(self) -> list[TopicPartition]:
        """Of every topic of this network that is there."""
        ours = {self.settings.named(topic.name) for topic in topics.TOPICS}
        there = [t for t in await self.admin.describe_topics() if t["topic"] in ours or self._is_an_agencys(t["topic"])]
        return [TopicPartition(topic["topic"], p["partition"]) for topic in there for p in topic["partitions"]]

    async def ends(self) -> dict[Source, int]:
        ends = await self._ask(self.consumer.end_offsets, await self.partitions())
        return {(self.plain(at.topic), at.partition): end for at, end in ends.items()}

    async def read(self, tell: Telling) -> tuple[dict[str, tuple[Said, ...]], frozenset[Source]]:
        """What was said, by topic, and which partitions have lost their beginning."""
        at = [p for p in await self.partitions() if self._is_read(p.topic)]
        begins = await self._ask(self.consumer.beginning_offsets, at)
        ends = await self._ask(self.consumer.end_offsets, at)
        said: dict[str, list[Said]] = defaultdict(list, {self.plain(p.topic): [] for p in at})
        self.consumer.assign(at)
        for partition in at:
            self.consumer.seek(partition, begins[partition])
        total, done = sum(ends[p] - begins[p] for p in at), 0
        open_ = {p for p in at if begins[p] < ends[p]}
        while open_:
            for records in (await self.consumer.getmany(*open_, timeout_ms=500)).values():
                for record in records:
                    name = self.plain(record.topic)
                    said[name].append(_said(record, name))
                done += len(records)
            tell(min(done, total), total)
            open_ = {p for p in open_ if await self.consumer.position(p) < ends[p]}
        cut = frozenset((self.plain(p.topic), p.partition) for p in at if begins[p] > 0)
        return {name: tuple(messages) for name, messages in said.items()}, cut

    def plain(self, name: str) -> str:
        """The name on the broker without this network's."""
        return name.removeprefix(self.settings.named(""))

    async def _ask(self, ask: Asking, at: list[TopicPartition]) -> dict[TopicPartition, int]:
        """In one request; of topics that the client does not know yet side by side before, for in one they would wait
        for the broker's metadata one after the other.
        """
        new = {p.topic: p for p in at if p.topic not in self._known}
        await asyncio.gather(*(ask([p]) for p in new.values()))
        self._known |= new.keys()
        return await ask(at)

    def _is_an_agencys(self, name: str) -> bool:
        for topic in (AGENCY_COMMANDS, AGENCY_FEED):
            before, _, after = self.settings.named(topic.name).partition("{agency}")
            if name.startswith(before) and name.endswith(after):
                return True
        return False

    def _is_read(self, name: str) -> bool:
        return self._is_an_agencys(name) or self.plain(name) in {topic.name for topic in READ}


def _said(record: Any, topic: str) -> Said:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers or () if value is not None}
    is_door = _is_door(topic)
    at = record.topic, record.partition, record.offset, record.timestamp
    id = place_id(*at) if is_door else headers.get("ce_id", "")
    sequence = headers.get("ce_sequence", "")
    return Said(
        topic=topic, partition=record.partition, offset=record.offset,
        key=(record.key or b"").decode("utf-8", "replace"), id=str(id), type=headers.get("ce_type", ""),
        cause=headers.get("ce_causationid", ""), sequence=int(sequence) if sequence.isdigit() else None,
        value=_names(record, headers) if is_door else _value(record),
    )  # fmt: skip


def _is_door(topic: str) -> bool:
    before, _, after = AGENCY_COMMANDS.name.partition("{agency}")
    return topic == PEOPLE_COMMANDS.name or (topic.startswith(before) and topic.endswith(after))


def _value(record: Any) -> Doc:
    found = _object(record.value)
    return {name: value for name, value in found.items() if name not in NOT_KEPT}


def _names(record: Any, headers: dict[str, str]) -> Doc:
    """An agency's message may hold all that is known of a person: nothing of it is kept but its names."""
    kind = "intake" if headers.get("ce_type") == SubmitIntake.TYPE else "command"
    stated = _object(record.value).get("idempotency_key" if kind == "intake" else "command_id")
    name = stated if isinstance(stated, str) else None
    return {"message_id": headers.get("ce_id"), "kind": kind, "name": name, "source": headers.get("ce_source")}


def _object(value: bytes | None) -> Doc:
    try:
        found = json.loads(value or b"", parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _integer(digits: str) -> int:
    """What is longer is no number of ours."""
    return int(digits) if len(digits) <= 20 else 0
