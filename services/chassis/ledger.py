"""The store's side of "nothing lost, nothing twice": positions, inbox, parked keys and outbox of one service."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from bson import Binary
from bson.errors import BSONError
from pymongo import UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.refusals import Refusal
from contracts.topics import Topic
from services.chassis import failpoints
from services.chassis.handlers import Route
from services.chassis.messages import Incoming
from services.chassis.settings import Settings
from services.chassis.telemetry import processing
from services.chassis.transaction import Doc, Transaction, refuse_on_own_topic

log = logging.getLogger("staffetta.ledger")

Source = tuple[str, int]
Work = dict[Source, list[Incoming]]
Offsets = dict[Source, int]

COLLECTIONS = ("offsets", "inbox", "outbox", "parked", "parked_keys", "parked_log")
INBOX_DAYS = 45


class Fenced(Exception):
    """A stored position is not what we stored last: another owner, our own unseen commit, or a restored store."""


class Unwritable(Exception):
    """The store refuses what a handler saved, for a reason of the data."""


class Ledger:
    def __init__(self, client: Any, db: Any, service: str, routes: dict[str, Route], settings: Settings) -> None:
        self.client, self.db, self.service, self.routes, self.settings = client, db, service, routes, settings
        self.token = uuid4().hex
        self.session: Any = None
        self.parked_keys: dict[Source, set[bytes]] = {}
        self.published: list[str] = []
        """Ids of outbox documents that are on their topics: the next transaction deletes them."""

    def topic(self, name: str) -> Topic:
        """The contract of a topic by its name on the broker."""
        named = (r.topic for r in self.routes.values() if self.settings.named(r.topic.name) == name)
        return next(named, None) or next(r.topic for r in self.routes.values() if r.topic.one_per_agency)

    async def open(self) -> None:
        self.session = await self.client.start_session()
        for name in set(COLLECTIONS) - set(await self.db.list_collection_names()):
            # Outside any transaction, and safe for however many workers start together.
            await self.db[name].update_one({"_id": 0}, {"$set": {}}, upsert=True)
            await self.db[name].delete_one({"_id": 0})
        await self.db.inbox.create_index("at", expireAfterSeconds=INBOX_DAYS * 86_400)
        await self.db.outbox.create_index([("place", 1), ("_id", 1)])
        await self.db.parked.create_index([("place", 1), ("key", 1), ("offset", 1)])

    # -- ownership -------------------------------------------------------------------------------------------------
    async def claim(self, sources: Iterable[Source]) -> dict[Source, int | None]:
        """End the previous owners' transactions, write our name on the partitions, return the stored positions.

        A handful of requests for however many partitions: the group's patience runs meanwhile.
        """
        places, mine = {place(s): s for s in sources}, self.session.session_id["id"]
        query = {"_id": {"$in": list(places)}}
        before = {bytes(d["lsid"]) async for d in self.db.offsets.find({**query, "lsid": {"$nin": [None, mine]}})}
        if before:
            await self.client.admin.command("killSessions", [{"id": Binary(lsid, 4)} for lsid in before])
        ours = {"$set": {"owner": self.token, "lsid": Binary(mine, 4)}, "$setOnInsert": {"next": None}}
        if places:
            await self.db.offsets.bulk_write(
                [UpdateOne({"_id": at}, ours, upsert=True) for at in places], ordered=False
            )
        self.parked_keys |= {source: set() for source in places.values()}
        async for doc in self.db.parked_keys.find({"place": {"$in": list(places)}}):
            self.parked_keys[places[doc["place"]]].add(bytes(doc["key"]))
        return {places[d["_id"]]: d["next"] async for d in self.db.offsets.find({**query, "owner": self.token})}

    async def begin_at(self, positions: Offsets) -> None:
        """Where partitions that were never read begin."""
        moves = [
            UpdateOne({"_id": place(s), "owner": self.token}, {"$set": {"next": next}}) for s, next in positions.items()
        ]
        if moves:
            await self.db.offsets.bulk_write(moves, ordered=False)

    async def owns(self, source: Source) -> bool:
        return await self.owns_place(place(source))

    async def owns_place(self, place: str) -> bool:
        return await self.db.offsets.find_one({"_id": place, "owner": self.token}) is not None

    async def release(self, sources: Iterable[Source]) -> None:
        """A clean hand-over leaves no session to kill."""
        ids = [place(s) for s in sources]
        await self.db.offsets.update_many({"_id": {"$in": ids}, "owner": self.token}, {"$set": {"lsid": None}})

    async def position(self, source: Source) -> int:
        doc = await self.db.offsets.find_one({"_id": place(source)})
        return (doc or {}).get("next") or 0

    # -- the outbox ------------------------------------------------------------------------------------------------
    def owed(self, sources: Iterable[Source]) -> AsyncIterator[Doc]:
        """What these partitions still have to say, in order for each."""
        query = {"place": {"$in": [place(s) for s in sources]}}
        found: AsyncIterator[Doc] = self.db.outbox.find(query).sort("_id", 1)
        return found

    async def forget(self, ids: list[str]) -> None:
        if ids:
            await self.db.outbox.delete_many({"_id": {"$in": ids}})

    # -- one batch, one transaction --------------------------------------------------------------------------------
    async def process(self, work: Work, stored: Offsets, following: Offsets, *, park: str | None = None) -> list[Doc]:
        """Handle messages (by source, in order) and store all that follows; returns the outbox documents now owed.

        park: handle nothing, set every message aside with this reason. Raises Fenced and Unwritable.
        """
        done, newly, parked = list(self.published), {source: set[bytes]() for source in work}, list[Doc]()
        try:
            async with transaction(self.session):
                session = self.session
                await self._move(work, stored, following, session)
                fresh = await self._unseen([m for messages in work.values() for m in messages], session)
                failpoints.hit("in_txn_inbox")
                tx = Transaction(self.db, session, self.service, self.settings)
                await tx.prefetch(
                    (route.owns[0], m.key.decode("utf-8", "replace"))
                    for m in fresh
                    if (route := self.routes[m.topic.name]).owns
                )
                for m in fresh:
                    if reason := park or await self._handle(tx, m, newly[m.source]):
                        newly[m.source].add(m.key)
                        parked.append(parked_document(m, reason))
                owed = outbox_documents(tx, following)
                await self._store(tx, session, owed, newly, parked, done)
                failpoints.hit("in_txn_before_commit")
        except (BSONError, OverflowError, PyMongoError) as fault:
            if is_of_the_data(fault):
                raise Unwritable(type(fault).__name__) from None
            raise
        del self.published[: len(done)]
        for source, keys in newly.items():
            self.parked_keys[source] |= keys
        return owed

    async def _move(self, work: Work, stored: Offsets, following: Offsets, session: Any) -> None:
        """The fence: only the owner, and only from where it stored last."""
        moves = [
            UpdateOne({"_id": place(s), "owner": self.token, "next": stored[s]}, {"$set": {"next": following[s]}})
            for s in work
        ]
        result = await self.db.offsets.bulk_write(moves, ordered=False, session=session)
        if result.matched_count != len(moves):
            raise Fenced

    async def _unseen(self, messages: list[Incoming], session: Any) -> list[Incoming]:
        """Those never handled before; of the same message twice in a batch the first counts."""
        first: dict[str, Incoming] = {}
        for m in messages:
            first.setdefault(str(m.id), m)
        async for seen in self.db.inbox.find(
            {"_id": {"$in": list(first)}}, {"_id": 1}, session=session, batch_size=1000
        ):
            del first[seen["_id"]]
        if first:
            at = datetime.now(UTC)
            await self.db.inbox.insert_many([{"_id": i, "at": at} for i in first], ordered=False, session=session)
        return list(first.values())

    async def _handle(self, tx: Transaction, m: Incoming, newly: set[bytes]) -> str | None:
        """None, or why the message is parked; then nothing it wrote or said is kept."""
        if m.key in newly or m.key in self.parked_keys[m.source]:
            return await self.attempt(tx, m, "after_parked")
        return await self.attempt(tx, m, m.fault)

    async def attempt(self, tx: Transaction, m: Incoming, why_not: str | None) -> str | None:
        """why_not: set the message aside without trying."""
        route = self.routes[m.topic.name]
        if m.message is None and m.fault is None and m.topic.kind != "door":
            return None  # a type of a later release: not ours
        tx.begin(m, route.owns + route.copies)
        subject = m.message or m
        with processing(m) as tx.traceparent:
            try:
                if not why_not:
                    await self._decide(route, subject, tx)
            except (PyMongoError, OSError):
                raise
            except Exception as bug:  # a message that can never work is set aside; the others go on
                why_not = f"failed:{type(bug).__name__}"
                log.error("a handler failed: the message is parked", exc_info=bug, extra=where(m))
            if why_not:
                self._answer_parked(route, subject, tx)
        tx.keep()
        return why_not

    async def _decide(self, route: Route, subject: Any, tx: Transaction) -> None:
        try:
            await route.handle(subject, tx)
        except Refusal as refusal:
            tx.forget()
            (route.refuse or refuse_on_own_topic)(subject, refusal, tx)

    def _answer_parked(self, route: Route, subject: Any, tx: Transaction) -> None:
        """Its sender is told; what follows once it is replayed replaces this answer."""
        tx.forget(parking=True)
        with suppress(Refusal):
            (route.refuse or refuse_on_own_topic)(subject, Refusal("parked"), tx)

    async def _store(
        self, tx: Transaction, session: Any, owed: list[Doc], newly: dict[Source, set[bytes]], parked: list[Doc],
        done: list[str],
    ) -> None:  # fmt: skip
        await tx.flush()
        keys = [
            UpdateOne({"_id": key_id(s, k)}, {"$set": {"place": place(s), "key": Binary(k)}}, upsert=True)
            for s, ks in newly.items()
            for k in ks
        ]
        if keys:
            await self.db.parked_keys.bulk_write(keys, session=session)
        for collection, new in (("parked", parked), ("outbox", owed)):
            if new:
                await self.db[collection].insert_many(new, session=session)
        if done:
            await self.db.outbox.delete_many({"_id": {"$in": done}}, session=session)


def transaction(session: Any) -> Any:
    return session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority"))


def is_of_the_data(fault: Exception) -> bool:
    """Whether doing the same again can never help; a conflict, a lost connection or a time-out passes."""
    if not isinstance(fault, PyMongoError):
        return True
    if isinstance(fault, AutoReconnect) or fault.timeout or fault.has_error_label("TransientTransactionError"):
        return False
    if isinstance(fault, BulkWriteError):
        return any(w.get("code") in DATA_FAULTS for w in (fault.details or {}).get("writeErrors", []))
    return isinstance(fault, OperationFailure) and fault.code in DATA_FAULTS


DATA_FAULTS = frozenset({2, 22, 52, 57, 10334, 17280, 17419, 17420})
"""BadValue, InvalidBSON, DollarPrefixedFieldName, DottedFieldName, and the too-large family."""


def where(m: Incoming) -> dict[str, object]:
    """A message's place for a log line: never its content."""
    return {"topic": m.name, "partition": m.partition, "offset": m.offset, "type": m.headers.get("ce_type", "")}


def place(source: Source) -> str:
    return f"{source[0]}:{source[1]}"


def key_id(source: Source, key: bytes) -> str:
    return f"{place(source)}:{key.hex()}"


def parked_document(m: Incoming, reason: str) -> Doc:
    return {
        "_id": str(m.id), "place": place(m.source), "topic": m.name, "partition": m.partition, "offset": m.offset,
        "key": Binary(m.key), "reason": reason, "type": m.headers.get("ce_type"), "at": datetime.now(UTC),
        "edge": m.time, "value": Binary(m.value), "headers": m.headers,
    }  # fmt: skip


def outbox_documents(tx: Transaction, following: Offsets, suffix: str = "") -> list[Doc]:
    """One document a partition; ids sort in the order of the batches."""
    return [
        {
            "_id": f"{place(s)}:{following[s]:020d}{suffix}",
            "place": place(s),
            "rows": [said._asdict() for said in all_said],
        }
        for s, all_said in tx.outbox.items()
    ]
