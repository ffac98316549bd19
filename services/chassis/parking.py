"""What ops may do with parked messages: see them, replay a key in order, or discard one. Each act is recorded."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from services.chassis.ledger import Fenced, Ledger, Source, key_id, outbox_documents, place, transaction
from services.chassis.messages import Incoming, read
from services.chassis.transaction import Doc, Transaction

SHOWN = ("topic", "partition", "offset", "reason", "type", "at", "headers")


def shown(doc: Doc) -> Doc:
    """A parked message without its content: only ids, place and reason leave the store."""
    headers = {k: v for k, v in doc["headers"].items() if k.startswith("ce_") or k == "traceparent"}
    return {"id": doc["_id"], "key": bytes(doc["key"]).decode("utf-8", "replace")} | {
        name: doc[name] for name in SHOWN if name != "headers"
    } | {"headers": headers}  # fmt: skip


async def listed(db: Any, limit: int = 1000) -> list[Doc]:
    return [shown(doc) async for doc in db.parked.find().sort([("place", 1), ("offset", 1)]).limit(limit)]


async def ask(db: Any, message_id: str, *, action: str, by: str, why: str) -> bool:
    """Ask the partition's owner to `replay` the key of a parked message, or to `discard` that one message first."""
    if (doc := await db.parked.find_one({"_id": message_id})) is None:
        return False
    source = (doc["topic"], doc["partition"])
    request = {
        "action": action, "message_id": message_id, "by": by, "why": why, "at": datetime.now(UTC),
        "topic": source[0], "partition": source[1], "key": doc["key"],
    }  # fmt: skip
    await db.parked_keys.update_one({"_id": key_id(source, bytes(doc["key"]))}, {"$set": {"request": request}})
    return True


async def requested(ledger: Ledger, sources: list[Source]) -> list[Doc]:
    query = {"place": {"$in": [place(s) for s in sources]}, "request": {"$ne": None}}
    return [doc["request"] async for doc in ledger.db.parked_keys.find(query)]


async def fulfil(ledger: Ledger, request: Doc, stored: int) -> list[Doc]:
    """Handle a key's parked messages in order, up to the first that fails again; all in one fenced transaction."""
    source, key = (request["topic"], request["partition"]), bytes(request["key"])
    db = ledger.db
    async with transaction(ledger.session) as _:
        session = ledger.session
        mine = {"_id": place(source), "owner": ledger.token, "next": stored}
        if (await db.offsets.update_one(mine, {"$inc": {"replays": 1}}, session=session)).matched_count != 1:
            raise Fenced
        parked = [d async for d in db.parked.find({"place": place(source), "key": request["key"]}, session=session)]
        parked.sort(key=lambda d: d["offset"])
        tx = Transaction(db, session, ledger.service, ledger.settings)
        done = await _handle(ledger, tx, request, parked)
        await tx.flush()
        owed = outbox_documents(tx, {source: stored}, suffix=f":replay:{request['at'].isoformat()}")
        if owed:
            await db.outbox.insert_many(owed, session=session)
        await db.parked.delete_many({"_id": {"$in": done}}, session=session)
        free = len(done) == len(parked)
        await _settle(db, session, key_id(source, key), free=free)
        await db.parked_log.insert_one(request | {"done": done, "freed": free}, session=session)
    if free:
        ledger.parked_keys[source].discard(key)
    return owed


async def _settle(db: Any, session: Any, id: str, *, free: bool) -> None:
    if free:
        await db.parked_keys.delete_one({"_id": id}, session=session)
    else:
        await db.parked_keys.update_one({"_id": id}, {"$set": {"request": None}}, session=session)


async def _handle(ledger: Ledger, tx: Transaction, request: Doc, parked: list[Doc]) -> list[str]:
    """The ids of the parked messages that need no longer wait."""
    done = []
    for doc in parked:
        if request["action"] == "discard" and doc["_id"] == request["message_id"]:
            done.append(doc["_id"])
            continue
        message = _again(ledger, doc)
        if await ledger.attempt(tx, message, message.fault):
            break
        done.append(doc["_id"])
    return done


def _again(ledger: Ledger, doc: Doc) -> Incoming:
    """The message as it came in, read once more by the code of today."""
    record = SimpleNamespace(
        topic=doc["topic"], partition=doc["partition"], offset=doc["offset"],
        timestamp=doc["edge"].timestamp() * 1000, key=bytes(doc["key"]), value=bytes(doc["value"]),
        headers=[(k, v.encode()) for k, v in doc["headers"].items()],
    )  # fmt: skip
    return read(record, ledger.topic(doc["topic"]))
