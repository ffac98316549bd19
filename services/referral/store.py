"""What referral keeps: its aggregates, the stored decisions, who holds which offer, and a copy of the directory."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel

from contracts.commands import (
    BeginJourney,
    ChaseReceipt,
    CompleteTask,
    DraftReferral,
    EndNeed,
    KeepSharing,
    Need,
    NotePlace,
    OpenReferral,
    OpenTask,
    ReferralCommand,
)
from contracts.directory import Agency, Offer
from contracts.values import Message
from services.chassis.transaction import Doc, Transaction
from services.referral.domain import receipts
from services.referral.domain.basis import Ground, ground_of
from services.referral.domain.journey import Journey
from services.referral.domain.referral import Referral
from services.referral.domain.table import OPEN_STATES
from services.referral.domain.tasks import OPEN, Task
from services.referral.domain.telling import Explanation
from services.referral.domain.unsent import Link

AGGREGATES = ("referrals", "grounds", "decisions", "links", "journeys", "tasks")
COPIES = ("agencies", "offers")
LONGEST_PAGE = 500


def _index(*fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields])


INDEXES: Mapping[str, list[IndexModel]] = {
    "offers": [_index("service")],
    "agencies": [_index("city")],
    "referrals": [
        _index("place.agency", "state", "due_at"),
        _index("due_at"),
        _index("receipt_at"),
        _index("need.journey_id"),
        _index("code"),
    ],
    "decisions": [_index("decision.search.need.journey_id"), _index("code")],
    "links": [_index("referral_id")],
    "journeys": [_index("sender_agency")],
    "tasks": [_index("agency", "state", "due_at"), _index("journey_id")],
}

REFERRAL, JOURNEY, TASK = TypeAdapter(Referral), TypeAdapter(Journey), TypeAdapter(Task)
GROUND = TypeAdapter(Ground)
EXPLANATION, LINK = TypeAdapter(Explanation), TypeAdapter(Link)


def ahead(command: Message, _tx: Transaction) -> Iterator[tuple[str, str]]:
    """The aggregate that a command is for."""
    match command:
        case BeginJourney() | EndNeed() | KeepSharing():
            yield "journeys", str(command.journey_id)
        case OpenTask() | CompleteTask():
            yield "tasks", str(command.task_id)
        case OpenReferral():
            yield "referrals", str(command.referral_id)
            yield "grounds", str(command.need.need_id)
        case DraftReferral() | ReferralCommand() | NotePlace() | ChaseReceipt():
            yield "referrals", str(command.referral_id)


# -- aggregates --------------------------------------------------------------------------------------------------------


async def find_referral(tx: Transaction, referral_id: UUID) -> Referral | None:
    doc = await tx.load("referrals", referral_id)
    return REFERRAL.validate_python(doc) if doc else None


def save_referral(tx: Transaction, referral: Referral) -> None:
    indexed = {"due_at": referral.due_at, "receipt_at": receipts.next_at(referral.owed), "code": referral.code}
    tx.save("referrals", _document(REFERRAL, referral, referral.referral_id) | indexed)


async def get_journey(tx: Transaction, journey_id: UUID) -> Journey:
    """The journey, or one that has not begun."""
    doc = await tx.load("journeys", journey_id)
    return JOURNEY.validate_python(doc) if doc else Journey(journey_id)


def save_journey(tx: Transaction, journey: Journey) -> None:
    tx.save("journeys", _document(JOURNEY, journey, journey.journey_id))


async def find_task(tx: Transaction, task_id: UUID) -> Task | None:
    doc = await tx.load("tasks", task_id)
    return TASK.validate_python(doc) if doc else None


def save_task(tx: Transaction, task: Task) -> None:
    tx.save("tasks", _document(TASK, task, task.task_id) | {"due_at": task.due_at})


def save_decision(tx: Transaction, explanation: Explanation) -> None:
    """A later decision for the same referral takes its place."""
    tx.save("decisions", _document(EXPLANATION, explanation, explanation.referral_id) | {"code": explanation.code})


def _document(kind: TypeAdapter[Any], value: object, id: UUID) -> Doc:
    """Instants as ISO 8601 text (the store's own keep milliseconds only), beside those that are indexed."""
    doc: Doc = kind.dump_python(value, mode="json")
    return doc | {"_id": str(id)}


# -- on what grounds a need is shared ----------------------------------------------------------------------------------


async def find_ground(tx: Transaction, need_id: UUID) -> Ground | None:
    doc = await tx.load("grounds", need_id)
    return GROUND.validate_python(doc) if doc else None


async def get_ground(tx: Transaction, need: Need) -> Ground:
    """As it is now; as the intake stated it, until something changes."""
    return await find_ground(tx, need.need_id) or ground_of(need)


def save_ground(tx: Transaction, ground: Ground) -> None:
    """Written by all who decide by it, as a link is."""
    tx.save("grounds", _document(GROUND, ground, ground.need_id))


# -- one open referral a person and offer ------------------------------------------------------------------------------


async def find_link(tx: Transaction, link: str) -> Link | None:
    doc = await tx.load("links", link)
    return LINK.validate_python(doc) if doc else None


def save_link(tx: Transaction, name: str, link: Link) -> None:
    """Written by all who decide by it, so that of two at the same instant one has to look again."""
    tx.save("links", LINK.dump_python(link, mode="json") | {"_id": name})


def delete_link(tx: Transaction, name: str) -> None:
    tx.delete("links", name)


# -- the copy of the directory -----------------------------------------------------------------------------------------


def copy_entry(tx: Transaction, entry: Agency | Offer) -> None:
    collection = "agencies" if isinstance(entry, Agency) else "offers"
    tx.save(collection, entry.model_dump(mode="json", by_alias=True) | {"_id": entry.code})


async def find_offers(tx: Transaction, service: str) -> list[Offer]:
    return [Offer.model_validate(doc) for doc in await tx.find("offers", {"service": service})]


async def find_offer(tx: Transaction, code: str) -> Offer | None:
    doc = await tx.load("offers", code)
    return Offer.model_validate(doc) if doc else None


async def find_agencies(tx: Transaction, agencies: Iterable[str]) -> dict[str, Agency]:
    found = await tx.find("agencies", {"_id": {"$in": sorted(set(agencies))}})
    return {doc["_id"]: Agency.model_validate(doc) for doc in found}


# -- reading for people ------------------------------------------------------------------------------------------------


async def read_referral(db: Any, referral_id: UUID) -> Referral | None:
    doc = await db.referrals.find_one({"_id": str(referral_id)})
    return REFERRAL.validate_python(doc) if doc else None


async def read_explanation(db: Any, referral_id: UUID) -> Explanation | None:
    doc = await db.decisions.find_one({"_id": str(referral_id)})
    return EXPLANATION.validate_python(doc) if doc else None


async def read_named(db: Any, code: str) -> list[Referral | Explanation]:
    """What people call by this code: a referral, a need for which nobody was found, and rarely more than one."""
    referrals = db.referrals.find({"code": code}).limit(LONGEST_PAGE)
    decisions = db.decisions.find({"code": code}).limit(LONGEST_PAGE)
    return [REFERRAL.validate_python(doc) async for doc in referrals] + [
        EXPLANATION.validate_python(doc) async for doc in decisions
    ]


async def read_queue(db: Any, agency: str) -> list[Referral]:
    """The open referrals that an agency was told of, the most pressing first."""
    told = {"$in": [state for state in OPEN_STATES if state != "DRAFT"]}
    query = {"place.agency": agency, "state": told, "seat": {"$ne": "asked"}}
    found = db.referrals.find(query).sort("due_at", ASCENDING).limit(LONGEST_PAGE)
    return [REFERRAL.validate_python(doc) async for doc in found]


async def read_late_receipts(db: Any, now: datetime) -> AsyncIterator[Referral]:
    async for doc in db.referrals.find({"receipt_at": {"$lte": now}}).sort("receipt_at", ASCENDING):
        yield REFERRAL.validate_python(doc)


async def read_tasks(db: Any, agency: str) -> list[Task]:
    found = db.tasks.find({"agency": agency, "state": OPEN}).sort("due_at", ASCENDING).limit(LONGEST_PAGE)
    return [TASK.validate_python(doc) async for doc in found]
