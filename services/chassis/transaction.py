"""What a handler sees: cached reads, buffered writes, emitted messages, and one in-memory savepoint a message."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID, uuid5

import bson
from bson.errors import InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, ReplaceOne
from pymongo.errors import OperationFailure

from contracts import catalogue
from contracts.answers import CommandRejected
from contracts.refusals import Refusal
from contracts.topics import said_by
from contracts.values import Asked, Message
from services.chassis import messages, telemetry
from services.chassis.messages import Incoming, Outgoing, Source
from services.chassis.settings import Settings

Doc = dict[str, Any]
At = tuple[str, str]
Write = ReplaceOne[Any] | DeleteOne

DOCUMENT_BYTES = 16 * 1024 * 1024
MESSAGE_BYTES = 1_000_000
"""Less than what a broker takes that was told nothing."""
BREATH_S = 0.1
ASKED_AT_ONCE = 50
"""The local store compares each document with every id: 200 at once take twice as long as 4 times 50."""


class Transaction:
    """One batch. Handlers load, decide, save and emit; nothing is written or said before the batch commits.

    A loaded document is a copy one level deep: replace nested values, never change them in place.
    """

    def __init__(self, db: Any, session: Any, service: str, settings: Settings) -> None:
        self._db, self._session, self._service, self.settings = db, session, service, settings
        self._docs: dict[At, Doc | None] = {}
        self._found: dict[str, list[Doc]] = {}
        self._looked = False
        self._dirty: dict[At, Write] = {}
        self.outbox: dict[Source, list[Outgoing]] = defaultdict(list)
        self._allowed: tuple[str, ...] = ()
        self._saved: dict[At, Doc | None] = {}
        self._writes: dict[At, Write] = {}
        self._said: list[Outgoing] = []
        self.size = self._size = 0
        self._breath = time.monotonic()
        self._correlation_id = self._kind = ""
        self.traceparent: str | None = None
        self.ended: list[Callable[[], None]] = []
        self.cause: Incoming

    # -- what handlers use -----------------------------------------------------------------------------------------
    @property
    def now(self) -> datetime:
        """When our own edge took in what this message follows from; never the wall clock."""
        return self.cause.time

    async def load(self, collection: str, id: object) -> Doc | None:
        self._looked, at = True, (collection, str(id))
        known = self._saved if at in self._saved else self._docs
        if at not in known:
            known[at] = await self._db[collection].find_one({"_id": at[1]}, session=self._session)
        doc = known[at]
        return dict(doc) if doc is not None else None

    async def find(self, collection: str, query: Doc, only: tuple[str, ...] = (), most: int = 0) -> list[Doc]:
        """Documents by an indexed query, as the last batch left them: asked once a batch. only: these fields.

        most: no more than so many of them, whichever; 0 for all.
        """
        self._looked, asked = True, f"{collection}/{query}/{only}/{most}"
        if asked not in self._found:
            self._found[asked] = await self._ask(collection, query, only, most)
        return [dict(doc) for doc in self._found[asked]]

    def save(self, collection: str, doc: Doc) -> None:
        """Written out at once, so that what no store can hold is a fault of this message and not of its batch."""
        raw = RawBSONDocument(bson.encode(doc))
        if len(raw.raw) > DOCUMENT_BYTES:
            raise ValueError(f"a document of {len(raw.raw)} bytes")
        self._size += len(raw.raw)
        self._change(collection, doc["_id"], doc, ReplaceOne({"_id": doc["_id"]}, raw, upsert=True))

    def delete(self, collection: str, id: object) -> None:
        self._change(collection, str(id), None, DeleteOne({"_id": str(id)}))

    def correlate(self, journey_id: object) -> None:
        """What is emitted from here on belongs to this journey."""
        self._correlation_id = str(journey_id)
        if self._correlation_id:
            telemetry.belongs_to(self._correlation_id)

    def emit(self, *said: Message, id: UUID | None = None) -> None:
        """Say what the catalogue knows where to say. The id follows from the cause, unless the door mints one."""
        for message in said:
            row = catalogue.BY_MODEL[type(message)]
            self.tell(row.topic_by(self._service).name, row.key_of(message), message, id)

    def answer(self, message: Message, key: object | None = None) -> None:
        """Say command.accepted or command.rejected on this service's own topic, in order with the events it caused."""
        self.tell(said_by(self._service).name, self.cause.key.decode() if key is None else str(key), message)

    def say(self, said: Iterable[Message]) -> None:
        """Answers and all else, in this order."""
        for message in said:
            (self.answer if isinstance(message, catalogue.ANSWERS) else self.emit)(message)

    def tell(self, topic: str, key: str, message: Message, id: UUID | None = None) -> None:
        """Say something on any topic, as on one agency's feed; what no broker would take is a fault of this message."""
        cause, type = self.cause, message.TYPE
        headers = messages.headers(
            id=id or uuid5(cause.id, f"{self._kind}{type}:{len(self._said)}"), source=f"/services/{self._service}",
            type=type, time=cause.time, subject=key, correlation_id=self._correlation_id, causation_id=cause.id,
            sequence=getattr(message, "version", None), traceparent=self.traceparent,
        )  # fmt: skip
        said = Outgoing(self.settings.named(topic), key.encode(), message.model_dump_json().encode(), headers)
        if (size := sum(map(len, chain(said[:3], *headers)))) > MESSAGE_BYTES:
            raise ValueError(f"a message of {size} bytes")
        self._size += size
        self._said.append(said)

    def _change(self, collection: str, id: str, doc: Doc | None, write: Write) -> None:
        if collection not in self._allowed:
            raise ValueError(f"a handler of {self.cause.topic.name} may not change {collection}")
        self._saved[collection, id], self._writes[collection, id] = doc, write

    async def _ask(self, collection: str, query: Doc, only: tuple[str, ...] = (), most: int = 0) -> list[Doc]:
        found = self._db[collection].find(query, only or None, session=self._session, batch_size=1000, limit=most)
        return [doc async for doc in found]

    # -- what the ledger uses --------------------------------------------------------------------------------------
    async def prefetch(self, needs: Iterable[At]) -> None:
        wanted: dict[str, dict[str, None]] = defaultdict(dict)
        for collection, id in needs:
            wanted[collection][id] = None
        for collection, known in wanted.items():
            ids = list(known)
            for at_once in (ids[i : i + ASKED_AT_ONCE] for i in range(0, len(ids), ASKED_AT_ONCE)):
                self._docs |= {(collection, id): None for id in at_once}
                found = await self._ask(collection, {"_id": {"$in": at_once}})
                self._docs |= {(collection, doc["_id"]): doc for doc in found}

    def begin(self, cause: Incoming, may_change: tuple[str, ...]) -> None:
        self.cause, self._allowed, self._correlation_id = cause, may_change, cause.correlation_id
        self.forget()

    def forget(self, *, parking: bool = False) -> None:
        """What this message wrote and said so far is as if it had never been.

        parking: what is said now has ids of its own, so that the answer after a replay is not taken for a repeat.
        """
        self._saved, self._writes, self._said, self._kind = {}, {}, [], "parked:" if parking else ""
        self._size = 0

    def keep(self) -> None:
        self.size += self._size
        self._docs |= self._saved
        self._dirty |= self._writes
        if self._said:
            self.outbox[self.cause.source] += self._said

    @property
    def is_idle(self) -> bool:
        """Whether no message looked at, wrote or said anything: so none ever will, whenever it comes again."""
        return not (self._looked or self._dirty or self.outbox)

    async def breathe(self) -> None:
        """Let heartbeats and health through, however long a batch only computes."""
        if time.monotonic() - self._breath > BREATH_S:
            await asyncio.sleep(0)
            self._breath = time.monotonic()

    async def flush(self) -> None:
        grouped: dict[str, list[Write]] = defaultdict(list)
        for (collection, _), write in self._dirty.items():
            grouped[collection].append(write)
        for collection, writes in grouped.items():
            try:
                await self._db[collection].bulk_write(writes, ordered=False, session=self._session)
            except (OperationFailure, InvalidDocument) as fault:
                fault.add_note(collection)
                raise


def refuse_on_own_topic(message: Any, refusal: Refusal, tx: Transaction) -> None:
    """The answer to a command of ours that was refused. What nobody asked for has no one to answer: it is parked."""
    asked = getattr(message, "asked", None)
    if not isinstance(asked, Asked):
        raise refusal
    subject = refusal.subject or tx.cause.key.decode()
    tx.answer(CommandRejected(asked=asked, message=refusal.message, **vars(refusal) | {"subject": subject}))
