"""Messages that can never work, set aside with later ones of their key; what ops may ask for them; a record of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from bson import Binary
from pymongo import DESCENDING, IndexModel, UpdateOne

from contracts import catalogue, codes
from contracts.topics import Topic
from services.chassis.messages import Incoming, Lane, Source, read
from services.chassis.transaction import Doc

INDEXES = {
    "parked": [IndexModel(["place", "key", "offset"])],
    "parked_keys": [IndexModel("place")],
    "parked_log": [IndexModel("at"), IndexModel(["message_id", "at"])],
}
PAGE = 1000
LANE = ("place", "topic", "partition", "key")
SHOWN = ("topic", "partition", "offset", "reason", "type", "at")
HEADERS = (
    "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_correlationid", "ce_causationid",
    "ce_sequence", "traceparent",
)  # fmt: skip
CAME = {"_id": 0} | dict.fromkeys(("message_id", "action", "at", "by", "why", "done", "freed", "ended", "failed"), 1)


def place(source: Source) -> str:
    return f"{source[0]}:{source[1]}"


def lane(doc: Doc) -> Lane:
    return doc["topic"], doc["partition"], bytes(doc["key"])


def _id(lane: Lane) -> str:
    return f"{place(lane[:2])}:{lane[2].hex()}"


# -- what the ledger does ---------------------------------------------------------------------------------------------
async def lanes(db: Any, sources: Iterable[Source]) -> set[Lane]:
    """The keys of these partitions that wait."""
    return {lane(doc) async for doc in db.parked_keys.find({"place": {"$in": [place(s) for s in sources]}})}


async def set_aside(db: Any, session: Any, parked: list[tuple[Incoming, str]]) -> None:
    """parked: messages, each with its reason."""
    if parked:
        docs = [_document(m, reason) for m, reason in parked]
        keys = {_id(lane(doc)): {name: doc[name] for name in LANE} for doc in docs}
        upserts = [UpdateOne({"_id": id}, {"$set": key}, upsert=True) for id, key in keys.items()]
        await db.parked_keys.bulk_write(upserts, session=session)
        once = [UpdateOne({"_id": doc["_id"]}, {"$setOnInsert": doc}, upsert=True) for doc in docs]
        await db.parked.bulk_write(once, session=session)


def _document(m: Incoming, reason: str) -> Doc:
    return {
        "_id": str(m.id), "place": place(m.source), "topic": m.name, "partition": m.partition, "offset": m.offset,
        "key": Binary(m.key), "reason": reason, "type": m.headers.get("ce_type"), "at": datetime.now(UTC),
        "edge": m.time, "value": Binary(m.value), "headers": list(m.headers.items()), "door": m.topic.kind == "door",
    }  # fmt: skip


async def waiting(db: Any, session: Any, lane: Lane, most: int) -> list[Doc]:
    """The first messages of a key that were set aside, in order."""
    query = {"place": place(lane[:2]), "key": lane[2]}
    return [doc async for doc in db.parked.find(query, session=session).sort("offset").limit(most)]


def again(doc: Doc, topic: Topic) -> Incoming:
    """A parked message as it came in, read once more by the code of today."""
    headers = [(name, value.encode()) for name, value in doc["headers"]]
    timestamp = round(doc["edge"].timestamp() * 1000)
    same = {name: doc[name] for name in ("topic", "partition", "offset", "key", "value")}
    return read(SimpleNamespace(**same, headers=headers, timestamp=timestamp), topic)


async def is_asked(db: Any, session: Any, request: Doc) -> bool:
    """Whether ops ask this still, and nothing newer."""
    same = {"_id": _id(lane(request)), "request.at": request["at"]}
    return await db.parked_keys.find_one(same, {"_id": 1}, session=session) is not None


async def let_go(
    db: Any, session: Any, request: Doc, done: list[str], *, more: bool, free: bool, failed: Doc | None
) -> None:
    """Record what was done of a request. more: it is not at its end; free: nothing of its key waits any longer.

    failed: the `id` of the message at which it ended, and the `reason` for which that is set aside now.
    """
    at, this = {"_id": _id(lane(request))}, f"{request['message_id']}/{request['at'].isoformat()}"
    await db.parked.delete_many({"_id": {"$in": done}}, session=session)
    if free:
        await db.parked_keys.delete_one(at, session=session)
    elif not more:
        await db.parked_keys.update_one(at, {"$set": {"request": None}}, session=session)
    if failed:
        tried = {"reason": failed["reason"], "tried_at": datetime.now(UTC)}
        await db.parked.update_one({"_id": failed["id"]}, {"$set": tried}, session=session)
    came = {"freed": free, "ended": not more, "failed": failed}
    change = {"$setOnInsert": request, "$push": {"done": {"$each": done}}, "$set": came}
    await db.parked_log.update_one({"_id": this}, change, upsert=True, session=session)


# -- what ops do ------------------------------------------------------------------------------------------------------
async def listed(db: Any, skip: int = 0) -> list[Doc]:
    """A page of them, key by key: each with the `first` of its key, behind which it waits, and `tried_at` once a replay
    failed.
    """
    found = [doc async for doc in db.parked.find().sort(["place", "key", "offset"]).skip(skip).limit(PAGE)]
    before = await waiting(db, None, lane(found[0]), most=1) if found else []
    firsts = {lane(doc): doc["_id"] for doc in reversed([*before, *found])}
    return [_shown(doc, firsts[lane(doc)]) for doc in found]


async def one(db: Any, message_id: str) -> Doc | None:
    """As it is listed."""
    if (doc := await db.parked.find_one({"_id": message_id})) is None:
        return None
    first, *_ = [*await waiting(db, None, lane(doc), most=1), doc]  # it may have gone just now
    return _shown(doc, first["_id"])


def _shown(doc: Doc, first: str) -> Doc:
    """Without its content: only ids, place and reason leave the store. Of what lay at a door, nothing that a stranger
    chose: a key or a header may be somebody's name.
    """
    ours = not doc.get("door", True)  # of one that an earlier release set aside it is not known
    headers = {name: value for name, value in doc["headers"] if ours and name in HEADERS}
    shown = {"id": doc["_id"], "key": bytes(doc["key"]).decode("utf-8", "replace") if ours else None}
    shown |= {"headers": headers, "first": first, "tried_at": doc.get("tried_at")} | {name: doc[name] for name in SHOWN}
    return shown if ours or _is_taken(shown["type"]) else shown | {"type": None}


def _is_taken(type: str) -> bool:
    """Whether it is a name of ours for what is said at a door."""
    of_referrals = (f"staffetta.referral.{command}.v1" for command in codes.table("running")["commands"])
    return type in (*catalogue.OUTSIDE, *of_referrals)


async def ask(db: Any, message_id: str, *, action: str, by: str, why: str) -> datetime | None:
    """Ask the partition's owner to `replay` the key of a parked message, or to `discard` that one message first.

    When it was asked, by which `came_of` is known; None where no such message is parked.
    """
    if (doc := await db.parked.find_one({"_id": message_id})) is None:
        return None
    now = datetime.now(UTC)
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)  # what the store keeps of an instant
    act = {"action": action, "message_id": message_id, "by": by, "why": why, "at": at}
    request = act | {name: doc[name] for name in LANE}
    await db.parked_keys.update_one({"_id": _id(lane(doc))}, {"$set": {"request": request}})
    return at


async def came_of(db: Any, message_id: str) -> Doc | None:
    """What was done of what was last asked for a message; None while that has not begun."""
    log: Doc | None = await db.parked_log.find_one({"message_id": message_id}, CAME, sort=[("at", DESCENDING)])
    return log


async def requested(db: Any, sources: Iterable[Source]) -> list[Doc]:
    query = {"place": {"$in": [place(s) for s in sources]}, "request": {"$ne": None}}
    return [doc["request"] async for doc in db.parked_keys.find(query)]
