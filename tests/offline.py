"""The handlers of referral and of those who count places, without engines: documents in memory, messages followed to
the last, one at a time."""

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
from services.chassis.handlers import Handlers
from services.chassis.messages import Incoming, Outgoing
from services.chassis.settings import Settings
from services.chassis.transaction import Transaction, refuse_on_own_topic
from services.housing.app import service as housing
from services.places import store as counted
from services.places.domain.places import Places
from services.programmes.app import service as programmes
from services.referral import store
from services.referral.app import service as referral
from services.referral.domain.journey import Journey
from services.referral.domain.referral import Referral
from services.referral.domain.tasks import Task
from services.referral.sweep import Due, of_referral, of_task
from tests.builders import NOW

Doc = dict[str, Any]
Pick = Callable[[int], int]
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)
SERVICES: dict[str, Handlers] = {one.name: one.handlers for one in (referral, housing, programmes)}
TOPICS = {topic.name: topic for topic in topics.TOPICS}


class Shelf:
    """One collection; every document goes through BSON, as on its way to a real store."""

    def __init__(self) -> None:
        self.docs: dict[str, bytes] = {}

    async def find_one(self, query: Doc, session: Any = None) -> Doc | None:
        return next((doc for doc in self.all() if _matches(doc, query)), None)

    async def find(self, query: Doc, only: Any = None, session: Any = None, batch_size: int = 0) -> AsyncIterator[Doc]:
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

    def put(self, doc: Doc) -> None:
        """As an earlier moment left it."""
        self.docs[doc["_id"]] = bson.encode(doc)

    def all(self) -> list[Doc]:
        return [bson.decode(doc, AWARE) for doc in self.docs.values()]


def _matches(doc: Doc, query: Doc) -> bool:
    wanted = ((_at(doc, path), value) for path, value in query.items())
    return all(have in value["$in"] if isinstance(value, dict) else _equals(have, value) for have, value in wanted)


def _equals(have: Any, value: Any) -> bool:
    """A list is found by any of its elements."""
    return have == value or (isinstance(have, list) and value in have)


def _at(doc: Any, path: str) -> Any:
    for name in path.split("."):
        doc = (doc or {}).get(name)
    return doc


@dataclass
class Offline:
    """said: every answer and event, in the order in which it was said; pick: which of n waiting keys is next."""

    agencies: tuple[Agency, ...] = ()
    offers: tuple[Offer, ...] = ()
    now: datetime = NOW
    pick: Pick = lambda n: 0
    dbs: dict[str, dict[str, Shelf]] = field(default_factory=lambda: {name: defaultdict(Shelf) for name in SERVICES})
    said: list[Message] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        for entry in self.agencies + self.offers:
            self.ask(entry)

    def ask(self, message: Message, *, of: str = "") -> list[Message]:
        """Hand in one message and everything that follows from it; returns what was said.

        of: the service that is asked, where several could be.
        """
        before = len(self.said)
        asyncio.run(self._follow(message, of))
        return self.said[before:]

    def sweep(self, now: datetime) -> list[Message]:
        """Move the clock to then, step by step: each is asked for when it is due."""
        before = len(self.said)
        while due := self._due(now):
            self.now = max(self.now, due.at)
            self.ask(due.command)
        self.now = now
        return self.said[before:]

    def _due(self, now: datetime) -> Due | None:
        timers = (due for r in self.referrals.values()
                  for due in of_referral(r.referral_id, r.need.journey_id, r.timers, r.receipts, now))  # fmt: skip
        tasks = (due for t in self.tasks for due in of_task(t.task_id, t.journey_id, t.steps, now))
        return min([*timers, *tasks], key=lambda due: due.at, default=None)

    async def _follow(self, message: Message, of: str) -> None:
        self.asked += 1
        row = catalogue.BY_MODEL[type(message)]
        waiting: dict[tuple[str, bytes], deque[Incoming]] = defaultdict(deque)
        first = self._incoming(
            row.topic, row.key_of(message).encode(), message, uuid5(UUID(int=0), f"{self.asked}"), ""
        )
        self._deliver(first, waiting)
        while keys := [key for key in waiting if waiting[key]]:
            service, key = keys[self.pick(len(keys))]
            for out in await self._handle(service, waiting[service, key].popleft()):
                headers = {name: value.decode() for name, value in out.headers}
                told = catalogue.BY_TYPE[headers["ce_type"]].model_validate_json(out.value)
                id, journey = UUID(headers["ce_id"]), headers.get("ce_correlationid", "")
                self._deliver(self._incoming(TOPICS[out.topic], out.key, told, id, journey), waiting)
                if TOPICS[out.topic].kind != "commands":
                    self.said.append(told)

    def _deliver(self, message: Incoming, waiting: dict[tuple[str, bytes], deque[Incoming]]) -> None:
        """To every service that reads the topic; what has one key keeps its order."""
        for name, handlers in SERVICES.items():
            if message.topic.name in handlers.routes:
                waiting[name, message.topic.name.encode() + message.key].append(message)

    async def _handle(self, service: str, message: Incoming) -> list[Outgoing]:
        route = SERVICES[service].routes[message.topic.name]
        tx = Transaction(self.dbs[service], None, service, Settings(environment="test"))
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
    def db(self) -> dict[str, Shelf]:
        """Referral's own."""
        return self.dbs["referral"]

    @property
    def places(self) -> dict[str, Places]:
        docs = [doc for name in ("housing", "programmes") for doc in self.dbs[name]["places"].all()]
        return {places.offer: places for places in map(counted.PLACES.validate_python, docs)}

    @property
    def referrals(self) -> dict[UUID, Referral]:
        found = [store.REFERRAL.validate_python(doc) for doc in self.db["referrals"].all()]
        return {one.referral_id: one for one in found}

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
