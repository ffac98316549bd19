"""What a handler sees: cached reads, buffered writes, emitted messages, and one in-memory savepoint a message."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from pymongo import DeleteOne, ReplaceOne

from contracts import catalogue
from contracts.events import CommandRejected
from contracts.refusals import Refusal
from contracts.topics import said_by
from contracts.values import Asked, Message
from services.chassis import messages
from services.chassis.messages import Incoming
from services.chassis.settings import Settings

Doc = dict[str, Any]
At = tuple[str, str]


class Outgoing(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Transaction:
    """One batch. Handlers load, decide, save and emit; nothing is written or said before the batch commits.

    A loaded document is a copy one level deep: replace nested values, never change them in place.
    """

    def __init__(self, db: Any, session: Any, service: str, settings: Settings) -> None:
        self._db, self._session, self._service, self.settings = db, session, service, settings
        self._docs: dict[At, Doc | None] = {}
        self._dirty: dict[At, Doc | None] = {}
        self.outbox: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        self._allowed: frozenset[str] = frozenset()
        self._writes: dict[At, Doc | None] = {}
        self._said: list[Outgoing] = []
        self._correlation_id = self._kind = ""
        self.traceparent: str | None = None
        self.cause: Incoming

    # -- what handlers use -----------------------------------------------------------------------------------------
    @property
    def now(self) -> datetime:
        """When our own edge took in what this message follows from; never the wall clock."""
        return self.cause.time

    async def load(self, collection: str, id: object) -> Doc | None:
        at = (collection, str(id))
        if at not in self._docs and at not in self._writes:
            self._docs[at] = await self._db[collection].find_one({"_id": at[1]}, session=self._session)
        doc = self._writes[at] if at in self._writes else self._docs[at]
        return dict(doc) if doc is not None else None

    async def find(self, collection: str, query: Doc) -> list[Doc]:
        """Documents by an indexed query, as the last batch left them."""
        return [doc async for doc in self._db[collection].find(query, session=self._session, batch_size=1000)]

    def save(self, collection: str, doc: Doc) -> None:
        self._may_change(collection)
        self._writes[collection, doc["_id"]] = doc

    def delete(self, collection: str, id: object) -> None:
        self._may_change(collection)
        self._writes[collection, str(id)] = None

    def correlate(self, journey_id: object) -> None:
        """What is emitted from here on belongs to this journey."""
        self._correlation_id = str(journey_id)

    def emit(self, *said: Message, id: UUID | None = None) -> None:
        """Say what the catalogue knows where to say. The id follows from the cause, unless the door mints one."""
        for message in said:
            row = catalogue.BY_MODEL[type(message)]
            self._say(row.topic_by(self._service).name, row.key_of(message), message, id)

    def answer(self, message: Message, key: object | None = None) -> None:
        """Say command.accepted or command.rejected on this service's own topic, in order with the events it caused."""
        self._say(said_by(self._service).name, self.cause.key.decode() if key is None else str(key), message, None)

    def tell(self, topic: str, key: str, message: Message, id: UUID) -> None:
        """Say something on one agency's feed."""
        self._say(topic, key, message, id)

    # -- what the ledger uses --------------------------------------------------------------------------------------
    async def prefetch(self, needs: Iterable[At]) -> None:
        wanted: dict[str, set[str]] = defaultdict(set)
        for collection, id in needs:
            wanted[collection].add(id)
        for collection, ids in wanted.items():
            self._docs.update({(collection, id): None for id in ids})
            found = self._db[collection].find({"_id": {"$in": list(ids)}}, session=self._session, batch_size=1000)
            self._docs.update({(collection, doc["_id"]): doc async for doc in found})

    def begin(self, cause: Incoming, may_change: tuple[str, ...]) -> None:
        self.cause, self._allowed, self._writes, self._said = cause, frozenset(may_change), {}, []
        self._correlation_id, self._kind = cause.correlation_id, ""

    def forget(self, *, parking: bool = False) -> None:
        """What this message wrote and said so far is as if it had never been.

        parking: what is said now has ids of its own, so that the answer after a replay is not taken for a repeat.
        """
        self._writes, self._said, self._kind = {}, [], "parked:" if parking else ""

    def keep(self) -> None:
        self._docs |= self._writes
        self._dirty |= self._writes
        if self._said:
            self.outbox[self.cause.source] += self._said

    async def flush(self) -> None:
        grouped: dict[str, list[Any]] = defaultdict(list)
        for (collection, id), doc in self._dirty.items():
            write = DeleteOne({"_id": id}) if doc is None else ReplaceOne({"_id": id}, doc, upsert=True)
            grouped[collection].append(write)
        for collection, writes in grouped.items():
            await self._db[collection].bulk_write(writes, ordered=False, session=self._session)

    def _may_change(self, collection: str) -> None:
        if collection not in self._allowed:
            raise PermissionError(f"a handler of {self.cause.topic.name} may not change {collection}")

    def _say(self, topic: str, key: str, message: Message, id: UUID | None) -> None:
        cause, type = self.cause, message.TYPE
        headers = messages.headers(
            id=id or uuid5(cause.id, f"{self._kind}{type}:{len(self._said)}"),
            source=f"/services/{self._service}",
            type=type,
            time=cause.time,
            subject=key,
            correlation_id=self._correlation_id,
            causation_id=str(cause.id),
            sequence=getattr(message, "version", None),
            traceparent=self.traceparent,
        )
        value = message.model_dump_json().encode()
        self._said.append(Outgoing(self.settings.named(topic), key.encode(), value, headers))


def refuse_on_own_topic(message: Any, refusal: Refusal, tx: Transaction) -> None:
    """The answer to a command of ours that was refused. What nobody asked for has no one to answer: it is parked."""
    asked = getattr(message, "asked", None)
    if not isinstance(asked, Asked):
        raise refusal
    tx.answer(
        CommandRejected(
            asked=asked, code=refusal.code, pointer=refusal.pointer, message=refusal.message,
            subject=refusal.subject or tx.cause.key.decode(), state=refusal.state, version=refusal.version,
            successor_id=refusal.successor_id, successor_agency=refusal.successor_agency, allowed=refusal.allowed,
        )
    )  # fmt: skip
