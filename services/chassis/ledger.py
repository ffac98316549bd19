"""The store's side of "nothing lost, nothing twice": positions and what they owe, inbox, parked keys of a service."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import bson
from bson import Binary, ObjectId
from bson.errors import InvalidDocument
from pymongo import IndexModel, UpdateOne
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.chassis import failpoints, parking
from services.chassis.faults import Fenced, Unwritable, die, unwritable
from services.chassis.handlers import Route
from services.chassis.messages import Incoming, Lane, Offsets, Outgoing, Said, Source
from services.chassis.parking import place
from services.chassis.settings import Settings
from services.chassis.transaction import Doc, Transaction

Published = Callable[[], Awaitable[None]]

INBOX_DAYS = 45
WRITTEN_BYTES = 12_000_000
"""Of what a batch writes and says, so that what is said of it fits one document."""
INDEXES = {
    "inbox": [IndexModel("ids"), IndexModel("at", expireAfterSeconds=INBOX_DAYS * 86_400)],
    **parking.INDEXES,
}


class Ledger:
    """offsets: one document a partition: its owner, the next message, and what was said of the last batch.

    inbox: one document a batch, with the ids of its messages.
    """

    def __init__(self, client: Any, db: Any, service: str, routes: dict[str, Route], settings: Settings) -> None:
        self.client, self.db, self.service, self.settings = client, db, service, settings
        self.routes = {settings.named(name): route for name, route in routes.items()}
        self.token = uuid4().hex
        self.session: Any = None
        self.parked: set[Lane] = set()
        self.owing: set[Source] = set()
        """Partitions whose document still holds what was said of them last."""

    def route(self, name: str) -> Route:
        """By a topic's name on the broker."""
        return self.routes.get(name) or next(r for r in self.routes.values() if r.topic.one_per_agency)

    async def open(self) -> None:
        self.session = await self.client.start_session()

    # -- ownership -------------------------------------------------------------------------------------------------
    async def claim(self, begins: Offsets) -> tuple[Offsets, Said]:
        """End the previous owners' transactions, write our name on the partitions; where they stand and what they owe.

        begins: where a partition begins that was never read. A handful of requests for however many partitions.
        """
        places, mine = {place(s): s for s in begins}, self.session.session_id["id"]
        here, others = {"_id": {"$in": list(places)}}, {"lsid": {"$nin": [None, mine]}}
        before = {bytes(d["lsid"]) async for d in self.db.offsets.find(here | others, {"lsid": 1})}
        if before:
            await self.client.admin.command("killSessions", [{"id": Binary(lsid, 4)} for lsid in before])
        ours = {"owner": self.token, "lsid": Binary(mine, 4)}
        claims = [
            UpdateOne({"_id": at}, {"$set": ours, "$setOnInsert": {"next": begins[s], "owed": None}}, upsert=True)
            for at, s in places.items()
        ]
        await self.db.offsets.bulk_write(claims, ordered=False)
        self.parked = {lane for lane in self.parked if lane[:2] not in begins} | await parking.lanes(self.db, begins)
        claimed = {places[d["_id"]]: d async for d in self.db.offsets.find(here | {"owner": self.token})}
        if len(claimed) < len(begins):
            die("another worker claims my partitions")
        for doc in claimed.values():
            if refused := doc.get("refused"):
                die(f"{doc['_id']}: {refused}: see docs/operating.md")
        owed = {s: unpacked(doc["owed"]) for s, doc in claimed.items() if doc["owed"]}
        self.owing |= owed.keys()
        return {s: doc["next"] for s, doc in claimed.items()}, owed

    async def refuse(self, source: Source, why: str) -> None:
        """Nobody takes a partition of ours over until ops have looked at it."""
        await self.db.offsets.update_one(self._mine([source]), {"$set": {"refused": why}})

    async def owns(self, sources: Collection[Source]) -> bool:
        return bool(await self.db.offsets.count_documents(self._mine(sources)) == len(sources))

    async def settle(self, sources: Iterable[Source]) -> None:
        """At a clean hand-over: what these partitions owed is on its topics, and no session is to be killed.

        One write each: of one for many, the local store would wait for a transaction that waits for it.
        """
        change = {"$set": {"owed": None, "lsid": None}}
        settled = [UpdateOne({"_id": place(s), "owner": self.token}, change) for s in sources]
        await self.db.offsets.bulk_write(settled, ordered=False)
        self.owing -= set(sources)

    def _mine(self, sources: Iterable[Source]) -> Doc:
        return {"_id": {"$in": [place(s) for s in sources]}, "owner": self.token}

    async def position(self, source: Source) -> int:
        doc = await self.db.offsets.find_one({"_id": place(source)}, {"next": 1})
        return doc["next"] if doc else 0

    # -- one batch, one transaction --------------------------------------------------------------------------------
    async def process(
        self, messages: list[Incoming], stored: Offsets, following: Offsets, published: Published,
        why_not: str | None = None,
    ) -> Said | None:  # fmt: skip
        """Handle messages and store all that follows; returns what is now owed. None: nothing followed or was stored.

        following: where each of their partitions stands after them. published: waits until what was owed before is on
        its topics. why_not: park them, and why. Without messages, only positions are stored. Raises Fenced, Unwritable.
        """
        held, parked = set(self.parked), list[tuple[Incoming, str]]()
        async with self._transaction() as tx:
            fresh = await self._unseen(messages)
            failpoints.hit("in_txn_inbox")
            if not why_not:
                await tx.prefetch([at for m in fresh.values() for at in self.route(m.name).needs(m, tx)])
            for m in fresh.values():
                not_now = "after_parked" if m.lane in held else m.fault or why_not
                if reason := await self.route(m.name).attempt(m, tx, not_now):
                    held.add(m.lane)
                    parked.append((m, reason))
                if tx.size > WRITTEN_BYTES and len(messages) > 1:
                    raise Unwritable("too_much_at_once")
                await tx.breathe()
            if messages and len(fresh) == len(messages) and tx.is_idle and not parked:
                # were one known already, it might be by a commit of ours that landed unseen: the fence would tell
                await self.session.abort_transaction()
                return None
            await parking.set_aside(self.db, self.session, parked)
            await self._store(tx, list(fresh), stored, following, published)
        self.parked = held
        return tx.outbox

    async def replay(
        self, request: Doc, stored: Offsets, published: Published, *, why_not: str | None = None
    ) -> tuple[Said, bool]:
        """Handle the next parked message of a key, if ops ask still, and record it; what is now owed, and whether there
        is more. The first that fails again ends the request. why_not: it does, and why.
        """
        lane = parking.lane(request)
        here = {lane[:2]: stored[lane[:2]]}
        async with self._transaction() as tx:
            if not await parking.is_asked(self.db, self.session, request):
                return {}, False
            waiting, named = await parking.waiting(self.db, self.session, lane, most=2), list[str]()
            ids = [doc["_id"] for doc in waiting]
            if ids and not why_not:
                m = parking.again(waiting[0], self.route(lane[0]).topic)
                named = [str(m.id)] if str(m.id) != ids[0] else []  # then nobody could read its name when it came
                over = request["action"] == "discard" and ids[0] == request["message_id"]
                over = over or bool(named and not await self._unseen([m]))
                why_not = None if over else await self.route(m.name).attempt(m, tx, m.fault)
            done = bool(ids) and not why_not
            more = done and len(ids) > 1
            free = not ids or (done and not more)
            failed = {"id": ids[0], "reason": why_not} if ids and why_not else None
            over_with = ids[:1] if done else []
            await parking.let_go(self.db, self.session, request, over_with, more=more, free=free, failed=failed)
            await self._store(tx, named if done else [], here, here, published)
        if free:
            self.parked.discard(lane)
        return tx.outbox, more

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        tx = Transaction(self.db, self.session, self.service, self.settings)
        try:
            async with self.session.start_transaction(ReadConcern("snapshot"), WriteConcern("majority")):
                yield tx
        except (OperationFailure, InvalidDocument) as fault:
            if refused := unwritable(fault):
                raise refused from fault
            raise
        for end in tx.ended:
            end()

    async def _unseen(self, messages: list[Incoming]) -> dict[str, Incoming]:
        """Those never handled before; of the same message twice in a batch the first counts."""
        first: dict[str, Incoming] = {}
        for m in messages:
            first.setdefault(str(m.id), m)
        if first:
            async for seen in self.db.inbox.find({"ids": {"$in": list(first)}}, {"ids": 1}, session=self.session):
                for id in seen["ids"]:
                    first.pop(id, None)
        return first

    async def _store(
        self, tx: Transaction, ids: list[str], stored: Offsets, following: Offsets, published: Published
    ) -> None:
        await tx.flush()
        if ids:
            batch = {"$set": {"ids": ids}, "$currentDate": {"at": True}}  # the store's clock, by which it forgets them
            await self.db.inbox.update_one({"_id": ObjectId()}, batch, upsert=True, session=self.session)
        await published()
        await self._move(stored, following, tx.outbox)
        self.owing = self.owing - following.keys() | tx.outbox.keys()
        failpoints.hit("in_txn_before_commit")

    async def _move(self, stored: Offsets, following: Offsets, said: Said) -> None:
        """The fence: only the owner, and only from where it stored last. What is owed goes with the position.

        moves: without a change of its own, a position that stays would not conflict with a claim.
        """
        moves = [
            UpdateOne(
                {"_id": place(s), "owner": self.token, "next": stored[s]},
                {"$set": {"next": next, "owed": packed(said.get(s))}, "$inc": {"moves": 1}},
            )
            for s, next in following.items()
        ]
        if (await self.db.offsets.bulk_write(moves, ordered=False, session=self.session)).matched_count != len(moves):
            raise Fenced


def packed(said: list[Outgoing] | None) -> Binary | None:
    """As one value: the store need not look into what it only keeps for a moment."""
    return Binary(bson.encode({"said": said})) if said else None


def unpacked(owed: bytes) -> list[Outgoing]:
    said = bson.decode(owed)["said"]
    return [Outgoing(topic, key, value, [(n, v) for n, v in headers]) for topic, key, value, headers in said]
