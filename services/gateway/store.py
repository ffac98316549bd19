"""What the gateway remembers: which ids each agency used, for what, how it was answered, and who the agencies are."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pymongo import ASCENDING, IndexModel

from contracts import catalogue
from contracts.answers import CommandRejected
from contracts.directory import Agency
from services.chassis.transaction import Doc, Transaction
from services.gateway.domain.door import Answer, Answered, Known, Read, Use, Voice

ASKED, ANSWERED, REFUSED, AGENCIES, TAKEN = "asked", "answered", "refused", "agencies", "taken"
"""An id is written to ASKED by the door, its answer to ANSWERED by who hears it: no document has two writers.

TAKEN: what HTTP put on a topic, for as long as the door has not read it. REFUSED: why the door passed on nothing.
"""
OF_THE_DOOR = (ASKED, REFUSED)

KEPT_S = 7 * 86_400
INDEXES: Mapping[str, list[IndexModel]] = {
    name: [IndexModel([("at", ASCENDING)], expireAfterSeconds=KEPT_S)] for name in (TAKEN, REFUSED)
}
"""As long as the topic itself keeps it."""

Load = Callable[[str, str], Awaitable[Doc | None]]


def loader(db: Any) -> Load:
    """For a reading endpoint, what `tx.load` is for a handler."""

    async def load(collection: str, id: str) -> Doc | None:
        doc: Doc | None = await db[collection].find_one({"_id": id})
        return doc

    return load


async def loader_of_uses(db: Any, who: Voice, read: Read) -> Load:
    """The same for who looks again and again for an answer: one question for both ids of a message."""
    ids, others = [id for _, id in uses(who, read)], loader(db)
    known = {doc["_id"]: doc async for doc in db[ASKED].find({"_id": {"$in": ids}})}

    async def load(collection: str, id: str) -> Doc | None:
        return known.get(id) if collection == ASKED else await others(collection, id)

    return load


# -- messages and their answers ---------------------------------------------------------------------------------------
def uses(who: Voice, read: Read) -> list[tuple[str, str]]:
    """Where both ids of a message are remembered."""
    return [(ASKED, f"{who.name}/message/{read.message_id}"), (ASKED, f"{who.name}/{read.kind}/{read.command_id}")]


async def recall(load: Load, who: Voice, read: Read) -> Known:
    by_message, by_command = [await _find_use(load, at) for at in uses(who, read)]
    known = Known(by_message, by_command)
    return Known(by_message, by_command, await _find_answer(load, who.name, known.first)) if known.first else known


async def find_asked(load: Load, who: Voice, id: str) -> tuple[bool, Answered | None]:
    """Whether anything was asked under this name of a command, an intake or a message; and the answer, if any."""
    for kind in ("command", "intake", "message"):
        if use := await _find_use(load, (ASKED, f"{who.name}/{kind}/{id}")):
            return True, await _find_answer(load, who.name, use.message_id)
    return False, None


def save_use(tx: Transaction, who: Voice, read: Read, known: Known) -> None:
    """Both ids of a message stand for the message that was forwarded first."""
    use = {"content": read.content, "message_id": known.first or read.message_id}
    for collection, id in uses(who, read):
        tx.save(collection, {"_id": id} | use)


def save_answer(tx: Transaction, answer: Answer) -> None:
    """The answer that the message in hand is; a later one to the same command replaces it."""
    who = Voice(answer.asked.agency or "", roles=answer.asked.roles)
    tx.save(
        ANSWERED,
        {
            "_id": f"{who.name}/{answer.asked.message_id}",
            "event_id": str(tx.cause.id),
            "key": tx.cause.key.decode(),
            "correlation_id": tx.cause.correlation_id,
            "type": answer.TYPE,
            "answer": answer.model_dump(mode="json"),
        },
    )


def save_refusal(tx: Transaction, who: Voice, rejected: CommandRejected) -> None:
    """Under each name that the message has, whoever had that name first."""
    asked, known = rejected.asked, {"answer": rejected.model_dump(mode="json"), "at": tx.now}
    for id in {asked.command_id, asked.message_id} - {None}:
        tx.save(REFUSED, {"_id": f"{who.name}/{id}"} | known)


async def find_refused(load: Load, who: Voice, id: str) -> CommandRejected | None:
    doc = await load(REFUSED, f"{who.name}/{id}")
    return CommandRejected.model_validate(doc["answer"]) if doc else None


async def _find_use(load: Load, at: tuple[str, str]) -> Use | None:
    doc = await load(*at)
    return Use(doc["content"], doc["message_id"]) if doc else None


async def _find_answer(load: Load, name: str, message_id: str) -> Answered | None:
    doc = await load(ANSWERED, f"{name}/{message_id}")
    if doc is None:
        return None
    answer: Any = catalogue.BY_TYPE[doc["type"]].model_validate(doc["answer"])
    return Answered(UUID(doc["event_id"]), doc["key"], doc["correlation_id"], answer)


async def note_taken(db: Any, who: Voice, read: Read) -> None:
    for id in {read.message_id, read.command_id}:
        await db[TAKEN].replace_one({"_id": f"{who.name}/{id}"}, {"at": datetime.now(UTC)}, upsert=True)


async def was_taken(db: Any, who: Voice, id: str) -> bool:
    return await db[TAKEN].find_one({"_id": f"{who.name}/{id}"}) is not None


# -- agencies ---------------------------------------------------------------------------------------------------------
def save_agency(tx: Transaction, agency: Agency) -> None:
    tx.save(AGENCIES, {"_id": agency.code})


async def is_agency(load: Load, code: str) -> bool:
    return await load(AGENCIES, code) is not None


async def agencies(db: Any) -> set[str]:
    return {doc["_id"] async for doc in db[AGENCIES].find({}, {"_id": 1})}
