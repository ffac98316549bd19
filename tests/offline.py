"""Referral's own handlers without engines: documents in memory, messages followed to the last, one at a time."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import bson
from bson.codec_options import CodecOptions

from contracts import catalogue, topics
from contracts.catalogue import ANSWERS
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.values import Message
from services.chassis.messages import Incoming, Outgoing
from services.chassis.settings import Settings
from services.chassis.transaction import Transaction, refuse_on_own_topic
from services.referral import handlers, store
from services.referral.domain.journey import Journey
from services.referral.domain.referral import Referral
from services.referral.domain.tasks import Task
from tests.builders import NOW

Doc = dict[str, Any]
Pick = Callable[[int], int]
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)
COMMANDS = topics.REFERRAL_COMMANDS.name


class Shelf:
    """One collection; every document goes through BSON, as on its way to a real store."""

    def __init__(self) -> None:
        self.docs: dict[str, bytes] = {}

    async def find_one(self, query: Doc, session: Any = None) -> Doc | None:
        return next((doc for doc in self.all() if _matches(doc, query)), None)

    async def find(self, query: Doc, session: Any = None, batch_size: int = 0) -> AsyncIterator[Doc]:
        for doc in self.all():
            if _matches(doc, query):
                yield doc

    async def bulk_write(self, writes: Iterable[Any], ordered: bool = True, session: Any = None) -> None:
        for write in writes:
            id, doc = write._filter["_id"], getattr(write, "_doc", None)
            if doc is None:
                self.docs.pop(id, None)
            else:
                self.docs[id] = bson.encode(doc)

    def all(self) -> list[Doc]:
        return [bson.decode(doc, AWARE) for doc in self.docs.values()]


def _matches(doc: Doc, query: Doc) -> bool:
    wanted = ((doc.get(name), value) for name, value in query.items())
    return all(have in value["$in"] if isinstance(value, dict) else have == value for have, value in wanted)


@dataclass
class Offline:
    """said: every answer and event, in the order in which it was said; pick: which of n waiting keys is next."""

    agencies: tuple[Agency, ...] = ()
    offers: tuple[Offer, ...] = ()
    now: datetime = NOW
    pick: Pick = lambda n: 0
    db: dict[str, Shelf] = field(default_factory=lambda: defaultdict(Shelf))
    said: list[Message] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        for entry in self.agencies + self.offers:
            self.ask(entry)

    def ask(self, message: Message) -> list[Message]:
        """Hand in one message and everything that follows from it; returns what was said."""
        before = len(self.said)
        asyncio.run(self._follow(message))
        return self.said[before:]

    async def _follow(self, message: Message) -> None:
        self.asked += 1
        row = catalogue.BY_MODEL[type(message)]
        waiting: dict[bytes, deque[Incoming]] = defaultdict(deque)
        key = row.key_of(message).encode()
        waiting[key].append(self._incoming(row.topic, key, message, uuid5(UUID(int=0), f"asked:{self.asked}"), ""))
        while keys := [key for key in waiting if waiting[key]]:
            taken = waiting[keys[self.pick(len(keys))]].popleft()
            for out in await self._handle(taken):
                headers = {name: value.decode() for name, value in out.headers}
                told = catalogue.BY_TYPE[headers["ce_type"]].model_validate_json(out.value)
                if out.topic == COMMANDS:
                    id, journey = UUID(headers["ce_id"]), headers.get("ce_correlationid", "")
                    waiting[out.key].append(self._incoming(topics.REFERRAL_COMMANDS, out.key, told, id, journey))
                else:
                    self.said.append(told)

    async def _handle(self, message: Incoming) -> list[Outgoing]:
        route = handlers.handlers.routes[message.topic.name]
        tx = Transaction(self.db, None, "referral", Settings(environment="test"))
        tx.begin(message, route.owns + route.copies)
        try:
            await route.handle(message.message, tx)
        except Refusal as refusal:
            tx.forget()
            refuse_on_own_topic(message.message, refusal, tx)
        tx.keep()
        await tx.flush()
        return [out for rows in tx.outbox.values() for out in rows]

    def _incoming(self, topic: topics.Topic, key: bytes, message: Message, id: UUID, journey: str) -> Incoming:
        headers = {"ce_correlationid": journey}
        return Incoming(id, topic, topic.name, 0, self.asked, key, b"", headers, self.now, message)

    # -- what is kept ----------------------------------------------------------------------------------------------
    @property
    def referrals(self) -> dict[UUID, Referral]:
        found = [store.REFERRAL.validate_python(doc) for doc in self.db["referrals"].all()]
        return {referral.referral_id: referral for referral in found}

    @property
    def journeys(self) -> list[Journey]:
        return [store.JOURNEY.validate_python(doc) for doc in self.db["journeys"].all()]

    @property
    def tasks(self) -> list[Task]:
        return [store.TASK.validate_python(doc) for doc in self.db["tasks"].all()]

    @property
    def links(self) -> dict[str, UUID]:
        return {doc["_id"]: UUID(doc["referral_id"]) for doc in self.db["links"].all()}

    def told(self, *, answers: bool = False) -> list[str]:
        """The types of what was said, shortened to the words of `events.json`."""
        kept = (m for m in self.said if answers or not isinstance(m, ANSWERS))
        return [message.TYPE.removeprefix("staffetta.").removesuffix(".v1") for message in kept]
