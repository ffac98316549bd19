"""The handlers of our services and what their sweeps ask, without engines: documents in memory, messages followed to
the last, one at a time, and a clock that is moved."""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID, uuid5

from pydantic import TypeAdapter
from pydantic_core import to_json

from contracts import catalogue, topics
from contracts.catalogue import ANSWERS
from contracts.directory import Agency, Offer
from contracts.refusals import Refusal
from contracts.topics import AGENCY_COMMANDS, AGENCY_FEED, PEOPLE_COMMANDS, Topic
from contracts.values import Message
from services.chassis import messages
from services.chassis.handlers import Handlers
from services.chassis.messages import Incoming, Outgoing
from services.chassis.settings import Settings
from services.chassis.transaction import Transaction
from services.console import handlers as console
from services.gateway.app import service as gateway
from services.housing.app import service as housing
from services.intake import expiry
from services.intake.app import service as intake
from services.places import lapse
from services.places import store as counted
from services.places.domain.places import Places
from services.programmes.app import service as programmes
from services.referral import store
from services.referral import sweep as ladder
from services.referral.app import service as referral
from services.referral.domain.journey import Journey
from services.referral.domain.referral import Referral
from services.referral.domain.tasks import Task
from tests.builders import NOW
from tests.shelves import Shelves

Doc = dict[str, Any]
Pick = Callable[[int], int]
T = TypeVar("T")
HANDLERS: dict[str, Handlers] = {
    **{s.name: s.handlers for s in (gateway, intake, referral, housing, programmes)},
    "console": console.handlers,
}
COUNTING = ("housing", "programmes")
INSIDE = ("referral", *COUNTING)
"""Enough where nobody speaks at the door and intakes are told as recorded."""

TOPICS = {topic.name: topic for topic in topics.TOPICS}
TEST = Settings(environment="test")
BEFORE, _, AFTER = AGENCY_FEED.name.partition("{agency}")


@dataclass
class Offline:
    """services: which of them run. said: every answer and event, in the order in which it was said; feeds: what each
    agency was told; pick: which of n waiting keys is next.
    """

    agencies: tuple[Agency, ...] = ()
    offers: tuple[Offer, ...] = ()
    now: datetime = NOW
    pick: Pick = lambda n: 0
    services: tuple[str, ...] = INSIDE
    dbs: dict[str, Shelves] = field(default_factory=lambda: defaultdict(Shelves))
    said: list[Message] = field(default_factory=list)
    feeds: dict[str, list[Doc]] = field(default_factory=lambda: defaultdict(list))
    asked: int = 0
    _known: dict[tuple[str, str], tuple[bytes, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.agencies + self.offers:
            self.ask(entry)

    def ask(self, message: Message, *, of: str = "", id: UUID | None = None, journey_id: object = "") -> list[Message]:
        """Hand in one message and everything that follows from it; returns what was said.

        of: the service that is asked, where several could be.
        """
        self.asked += 1
        row = catalogue.BY_MODEL[type(message)]
        topic = row.topic_by(of) if of else row.topic
        new = uuid5(UUID(int=0), f"{self.asked}")
        about = {"ce_correlationid": str(journey_id)}
        return self._follow(self._incoming(topic, row.key_of(message).encode(), message, id or new, about))

    def say(self, agency: str, type: str, value: Doc, id: str, *roles: str) -> Doc | None:
        """What an agency's system, or a person of it with these roles, says at the door; returns the answer, if any."""
        self.asked += 1
        before, topic = len(self.feeds[agency]), PEOPLE_COMMANDS if roles else AGENCY_COMMANDS
        headers = {"ce_id": id, "ce_type": type, "ce_source": f"/agencies/{agency}"}
        headers |= {"ce_actor": f"{agency}:w1", "ce_roles": ",".join(roles)} if roles else {}
        name, at = topic.of(agency), messages.place_id(topic.of(agency), 0, self.asked, 0)
        body = to_json(value)
        self._follow(Incoming(at, topic, name, 0, self.asked, id.encode(), body, headers, self.now))
        own = value.get("command_id") or value.get("idempotency_key")
        answers = (entry for entry in self.feeds[agency][before:] if "asked" in entry["value"])
        return next((answer for answer in answers if answer["value"]["asked"]["command_id"] == own), None)

    def sweep(self, now: datetime) -> list[Message]:
        """Move the clock to then, step by step: each is asked for when it is due."""
        before = len(self.said)
        while self.step(now):
            pass
        self.now = now
        return self.said[before:]

    def step(self, until: datetime) -> bool:
        """Move the clock to what is due first, and ask for it; False when nothing is due until then."""
        found = finished(self._due(until))
        if not found:
            return False
        service, due = min(found, key=lambda one: one[1].at)
        self.now = max(self.now, due.at)
        self.ask(due.command, of=service, id=due.id, journey_id=due.journey_id)
        return True

    async def _due(self, now: datetime) -> list[tuple[str, Any]]:
        """What the sweeps of all services find, each with its service; the longest overdue are among it."""
        db, found = self.dbs["referral"], list[tuple[str, Any]]()
        for lying in await store.read_timers(db, now, 1):
            found += [("referral", due) for due in ladder.of_referral(*lying, now)]
        for chased in await store.read_chased(db, now, 1):
            found += [("referral", due) for due in ladder.of_task(*chased, now)]
        for name in COUNTING:
            found += [(name, due) async for due in lapse.due(self.dbs[name], now)]
        return found + [("intake", due) async for due in expiry.due(self.dbs["intake"], now)]

    # -- messages --------------------------------------------------------------------------------------------------
    def _follow(self, first: Incoming) -> list[Message]:
        before, waiting = len(self.said), defaultdict[tuple[str, bytes], deque[Incoming]](deque)
        self._deliver(first, waiting)
        while keys := [key for key, some in waiting.items() if some]:
            service, key = keys[self.pick(len(keys))]
            for out in finished(self._handle(service, waiting[service, key].popleft())):
                assert service in TOPICS.get(out.topic, AGENCY_FEED).writers, f"{service} has no right to {out.topic}"
                self._say(out, waiting)
        return self.said[before:]

    def _say(self, out: Outgoing, waiting: dict[tuple[str, bytes], deque[Incoming]]) -> None:
        headers = {name: value.decode() for name, value in out.headers}
        if out.topic not in TOPICS:
            agency = out.topic.removeprefix(BEFORE).removesuffix(AFTER)
            entry = {"type": headers["ce_type"], "id": headers["ce_id"], "at": self.now, "key": out.key.decode()}
            return self.feeds[agency].append(entry | {"value": json.loads(out.value)})
        told = catalogue.BY_TYPE[headers["ce_type"]].model_validate_json(out.value)
        self._deliver(self._incoming(TOPICS[out.topic], out.key, told, UUID(headers["ce_id"]), headers), waiting)
        if TOPICS[out.topic].kind != "commands":
            self.said.append(told)

    def _deliver(self, message: Incoming, waiting: dict[tuple[str, bytes], deque[Incoming]]) -> None:
        """To every service that reads the topic; what has one key keeps its order."""
        for name in self.services:
            if message.topic.name in HANDLERS[name].routes:
                waiting[name, message.topic.name.encode() + message.key].append(message)

    async def _handle(self, service: str, message: Incoming) -> list[Outgoing]:
        route, subject = HANDLERS[service].routes[message.topic.name], message.message or message
        tx = Transaction(self.dbs[service], None, service, TEST)
        tx.begin(message, route.owns + route.copies)
        try:
            await route.handle(subject, tx)
        except Refusal as refusal:
            tx.forget()
            route.refuse(subject, refusal, tx)
        tx.keep()
        await tx.flush()
        return list(chain.from_iterable(tx.outbox.values()))

    def _incoming(self, topic: Topic, key: bytes, message: Message, id: UUID, headers: Mapping[str, str]) -> Incoming:
        return Incoming(id, topic, topic.name, 0, self.asked, key, b"", dict(headers), self.now, message)

    # -- what is kept ----------------------------------------------------------------------------------------------
    @property
    def db(self) -> Shelves:
        """Referral's own."""
        return self.dbs["referral"]

    @property
    def places(self) -> dict[str, Places]:
        found = (places for name in COUNTING for places in self._kept(name, "places", counted.PLACES))
        return {places.offer: places for places in found}

    @property
    def referrals(self) -> dict[UUID, Referral]:
        return {one.referral_id: one for one in self._kept("referral", "referrals", store.REFERRAL)}

    @property
    def journeys(self) -> list[Journey]:
        return self._kept("referral", "journeys", store.JOURNEY)

    @property
    def tasks(self) -> list[Task]:
        return self._kept("referral", "tasks", store.TASK)

    @property
    def links(self) -> dict[str, UUID]:
        return {doc["_id"]: UUID(doc["referral_id"]) for doc in self.db["links"].all()}

    def _kept(self, service: str, collection: str, kind: TypeAdapter[T]) -> list[T]:
        """Each made anew only when its document has changed."""
        shelf = self.dbs[service][collection]
        for id, raw in shelf.docs.items():
            known = self._known.get((collection, id))
            if known is None or known[0] is not raw:
                self._known[collection, id] = raw, kind.validate_python(shelf.doc(id))
        return [self._known[collection, id][1] for id in shelf.docs]

    def told(self, *, answers: bool = False) -> list[str]:
        """The types of what was said, shortened to the words of `events.json`."""
        kept = (m for m in self.said if answers or not isinstance(m, ANSWERS))
        return [message.TYPE.removeprefix("staffetta.").removesuffix(".v1") for message in kept]


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Of what never waits: there is no engine to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waits for something")
