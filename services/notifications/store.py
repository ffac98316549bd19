"""What notifications keeps: a mailbox and the notices of each queue, a copy of the agencies, and who sends which mail.

A claim is no aggregate: nothing is decided by it, and losing one costs a mail that arrives twice.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from contracts.directory import COORDINATION, Agency, Queue
from contracts.notifications import NotificationEvent, NotificationFailed, TellQueue, mailbox_id
from services.chassis.sweep import due_by
from services.chassis.transaction import Doc, Transaction
from services.notifications.domain.climbing import Lead, lead_of
from services.notifications.domain.mailbox import Mailbox

AGGREGATES = ("mailboxes", "notices")
COPIES = ("agencies",)
LONGEST_PAGE = 500

INDEXES: Mapping[str, list[IndexModel]] = {
    "mailboxes": [IndexModel([("next_at", ASCENDING)])],
    "notices": [
        IndexModel([("queue", ASCENDING), ("told_at", DESCENDING)]),
        IndexModel([("referral_id", ASCENDING), ("queue", ASCENDING)]),
    ],
    "agencies": [IndexModel([("queues.code", ASCENDING)]), IndexModel([("city", ASCENDING)])],
    "claims": [IndexModel([("until", ASCENDING)], expireAfterSeconds=0)],
}

MAILBOX = TypeAdapter(Mailbox)

# -- mailboxes and notices ---------------------------------------------------------------------------------------------


async def get_mailbox(tx: Transaction, queue: str) -> Mailbox:
    """The mailbox of a queue, or of one that was never told anything."""
    doc = await tx.load("mailboxes", mailbox_id(queue))
    return MAILBOX.validate_python(doc) if doc else Mailbox(queue)


def save_mailbox(tx: Transaction, mailbox: Mailbox) -> None:
    """next_at: as the store's own instant, for the index by which mails that are due are found."""
    doc = MAILBOX.dump_python(mailbox, mode="json")
    tx.save("mailboxes", doc | {"_id": str(mailbox_id(mailbox.queue)), "next_at": mailbox.next_at})


def save_notice(tx: Transaction, told: TellQueue) -> None:
    notice = told.notice.model_dump(mode="json")
    known = {"_id": str(told.notice.notification_id), "queue": told.queue, "told_at": tx.now, "mail": None}
    tx.save("notices", notice | known)


async def purge_notices(tx: Transaction, queue: str, referral_id: UUID, waiting: Iterable[UUID]) -> None:
    """What a queue was told of a referral, and what waits to be: of the same batch too, which is not found yet."""
    found = await tx.find("notices", {"referral_id": str(referral_id), "queue": queue})
    for id in {doc["_id"] for doc in found} | {str(id) for id in waiting}:
        tx.delete("notices", id)


async def end_notice(tx: Transaction, event: NotificationEvent) -> None:
    """What became of its mail; nothing of one that was purged meanwhile."""
    doc = await tx.load("notices", event.notification_id)
    if doc is None:
        return
    reason = event.reason if isinstance(event, NotificationFailed) else None
    mail = {"mail_id": str(event.mail_id), "state": "failed" if reason else "sent", "at": event.at, "reason": reason}
    tx.save("notices", doc | {"mail": mail})


# -- the copy of the directory -----------------------------------------------------------------------------------------


def copy_agency(tx: Transaction, agency: Agency) -> None:
    tx.save("agencies", agency.model_dump(mode="json", by_alias=True) | {"_id": agency.code})


async def find_lead(tx: Transaction, city: str | None) -> Lead | None:
    found = await tx.find("agencies", {"city": city, "queues.kind": COORDINATION})
    return lead_of([Agency.model_validate(doc) for doc in found])


async def find_city(tx: Transaction, agency: str) -> str | None:
    doc = await tx.load("agencies", agency)
    return doc["city"] if doc else None


# -- for the job that sends --------------------------------------------------------------------------------------------


async def read_due(db: Any, now: datetime) -> AsyncIterator[Mailbox]:
    """Those with something to do, the longest overdue first."""
    async for doc in db.mailboxes.find({"next_at": due_by(now)}).sort("next_at", ASCENDING):
        yield MAILBOX.validate_python(doc)


async def is_waiting(db: Any, queue: str, mail_id: UUID) -> bool:
    """Whether a mail that was due is still to be sent."""
    wanted = {"_id": str(mailbox_id(queue)), "mails.mail_id": str(mail_id)}
    return await db.mailboxes.find_one(wanted, {"_id": 1}) is not None


async def read_queue(db: Any, queue: str) -> tuple[Agency, Queue | None] | None:
    """A queue with its agency; an agency's own code is the mailbox of its supervisors, and no queue."""
    doc = await db.agencies.find_one({"queues.code": queue}) or await db.agencies.find_one({"_id": queue})
    if doc is None:
        return None
    agency = Agency.model_validate(doc)
    return agency, next((found for found in agency.queues if found.code == queue), None)


async def claim(db: Any, mail_id: UUID, attempt: int, *, by: str, now: datetime, until: datetime) -> bool:
    """Whether this worker is the one that makes this attempt; a claim of its own is one of a life that has ended."""
    free = {"_id": f"{mail_id}/{attempt}", "$or": [{"by": by}, {"until": {"$lte": now}}]}
    try:
        await db.claims.update_one(free, {"$set": {"by": by, "until": until}}, upsert=True)
    except DuplicateKeyError:
        return False
    return True


# -- reading for people ------------------------------------------------------------------------------------------------


async def read_notices(db: Any, queue: str) -> list[Doc]:
    """The newest first."""
    found = db.notices.find({"queue": queue}).sort("told_at", DESCENDING).limit(LONGEST_PAGE)
    return [doc async for doc in found]
