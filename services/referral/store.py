"""What referral keeps: its aggregates, the stored decisions, who holds which offer, and a copy of the directory."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from contracts import catalogue
from contracts.commands import ChaseReceipt, FireTimer, Need, OpenReferral
from contracts.directory import Agency, Offer, who_coordinates
from contracts.identity import IdentityEvent, IdentityLinked
from contracts.journeys import ChaseTask, OpenTask
from contracts.values import Message
from services.chassis.sweep import due_by
from services.chassis.transaction import Doc, Transaction
from services.referral.domain import twins
from services.referral.domain.basis import Ground, ground_of
from services.referral.domain.candidates import all_of
from services.referral.domain.journey import Journey, Wanted
from services.referral.domain.receipts import Receipts
from services.referral.domain.referral import Referral
from services.referral.domain.table import OPEN_STATES
from services.referral.domain.tasks import OPEN, Task
from services.referral.domain.telling import Explanation
from services.referral.domain.timers import Step, Timer
from services.referral.domain.unsent import Link

AGGREGATES = ("referrals", "grounds", "decisions", "links", "journeys", "tasks", "unmet")
KEPT_BY = {"referral_id": "referrals", "journey_id": "journeys", "task_id": "tasks"}
COPIES = ("agencies", "offers")
IDENTITIES = "identities"


def _index(*fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields])


INDEXES: Mapping[str, list[IndexModel]] = {
    "offers": [_index("service", "area_served.cities"), _index("service", "agency")],
    "agencies": [_index("city")],
    "referrals": [
        _index("place.agency", "state", "due_at"),
        _index("next_at"),
        _index("code"),
        _index("served_too.person_ref"),
    ],
    "decisions": [_index("code")],
    "links": [_index("referral_id"), _index("leaning.need_id"), _index("leaning.person_ref")],
    "journeys": [_index("sender_agency"), _index("needs.state")],
    IDENTITIES: [_index("person_refs", "linked")],
    "unmet": [_index("city", "at")],
    "tasks": [_index("agency", "state", "due_at"), _index("next_at"), _index("journey_id"), _index("offer", "state")],
}

REFERRAL, JOURNEY, TASK = TypeAdapter(Referral), TypeAdapter(Journey), TypeAdapter(Task)
TIMERS, STEPS, RECEIPTS = TypeAdapter(tuple[Timer, ...]), TypeAdapter(tuple[Step, ...]), TypeAdapter(Receipts)
GROUND, WANTED = TypeAdapter(Ground), TypeAdapter(Wanted)
EXPLANATION, LINK = TypeAdapter(Explanation), TypeAdapter(Link)


def ahead(command: Message, _tx: Transaction) -> Iterator[tuple[str, str]]:
    """The aggregate that a command is for, by its key; who opens a referral also asks on what ground."""
    key = catalogue.BY_MODEL[type(command)].key
    if key in KEPT_BY:
        yield KEPT_BY[key], str(getattr(command, key))
    if isinstance(command, OpenReferral):
        yield "grounds", str(command.need.need_id)


# -- aggregates --------------------------------------------------------------------------------------------------------


async def find_referral(tx: Transaction, referral_id: UUID) -> Referral | None:
    doc = await tx.load("referrals", referral_id)
    return REFERRAL.validate_python(doc) if doc else None


def save_referral(tx: Transaction, referral: Referral) -> None:
    """next_at: when the next step of a timer is due or a receipt is late, for the sweep's index."""
    indexed = {"due_at": referral.due_at, "next_at": referral.next_at, "code": referral.code}
    tx.save("referrals", _document(REFERRAL, referral, referral.referral_id) | indexed)


async def get_journey(tx: Transaction, journey_id: UUID) -> Journey:
    """The journey, or one that has not begun."""
    doc = await tx.load("journeys", journey_id)
    return JOURNEY.validate_python(doc) if doc else Journey(journey_id)


def save_journey(tx: Transaction, journey: Journey) -> None:
    tx.save("journeys", _document(JOURNEY, journey, journey.journey_id))


def save_unmet(tx: Transaction, before: Journey, after: Journey) -> None:
    """What a journey newly recorded or took back, as rows to be counted: nothing of the person."""
    for n, record in enumerate(after.unmet):
        id = f"{after.journey_id}/{n}"
        if record.in_error:
            tx.delete("unmet", id)
        elif record not in before.unmet:
            row = {"service": record.service, "reason": record.reason, "final": record.final}
            tx.save("unmet", {"_id": id, "city": after.city, "at": record.at} | row)


async def find_task(tx: Transaction, task_id: UUID) -> Task | None:
    doc = await tx.load("tasks", task_id)
    return TASK.validate_python(doc) if doc else None


async def find_open_task(tx: Transaction, of: OpenTask) -> Task | None:
    """An open one of the same kind about the same referral, as the last batch left them."""
    found = await tx.find("tasks", {"journey_id": str(of.journey_id)})
    tasks = (TASK.validate_python(doc) for doc in found)
    return next((t for t in tasks if (t.kind, t.referral_id, t.state) == (of.kind, of.referral_id, OPEN)), None)


def save_task(tx: Transaction, task: Task) -> None:
    tx.save("tasks", _document(TASK, task, task.task_id) | {"due_at": task.due_at, "next_at": task.next_at})


async def find_put_right(tx: Transaction, entry: Offer) -> list[UUID]:
    """Tasks that asked to put right what the directory said of this offer, when it says something else now."""
    before = await find_offer(tx, entry.code)
    if before is None or before.version == entry.version:
        return []
    return [UUID(doc["_id"]) for doc in await tx.find("tasks", {"offer": entry.code, "state": OPEN}, ("_id",))]


async def find_decision(tx: Transaction, referral_id: UUID) -> Explanation | None:
    doc = await tx.load("decisions", referral_id)
    return EXPLANATION.validate_python(doc) if doc else None


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


async def find_leant_on(tx: Transaction, person_refs: Iterable[str]) -> list[Link]:
    """Those on which needs of these people lean."""
    found = await tx.find("links", {"leaning.person_ref": {"$in": sorted(person_refs)}})
    return [LINK.validate_python(doc) for doc in found]


async def find_served_too(tx: Transaction, person_refs: Iterable[str]) -> list[Link]:
    """What these people were served with that was open for another name, and is closed."""
    found = await tx.find("referrals", {"served_too.person_ref": {"$in": sorted(person_refs)}})
    served = (REFERRAL.validate_python(doc) for doc in found)
    return [Link(referral.referral_id, referral.served_too) for referral in served if not referral.is_open]


def delete_link(tx: Transaction, name: str) -> None:
    tx.delete("links", name)


# -- the copy of the directory -----------------------------------------------------------------------------------------


def entry_ahead(entry: Message, _tx: Transaction) -> Iterator[tuple[str, str]]:
    """What copying an entry loads."""
    if isinstance(entry, Offer):
        yield "offers", entry.code
        yield "agencies", all_of(entry.service)


async def copy_entry(tx: Transaction, entry: Agency | Offer) -> None:
    if isinstance(entry, Offer):
        await _count(tx, entry)
    collection = "agencies" if isinstance(entry, Agency) else "offers"
    tx.save(collection, entry.model_dump(mode="json", by_alias=True) | {"_id": entry.code})


async def _count(tx: Transaction, offer: Offer) -> None:
    """How many offers each service has, so that those of other areas are counted without being read."""
    before = await tx.load("offers", offer.code)
    if before and before["service"] == offer.service:
        return
    for service, change in ((offer.service, 1), *([(before["service"], -1)] if before else [])):
        known = await tx.load("agencies", all_of(service)) or {"offers": 0}
        tx.save("agencies", {"_id": all_of(service), "offers": known["offers"] + change})


async def find_offer(tx: Transaction, code: str) -> Offer | None:
    doc = await tx.load("offers", code)
    return Offer.model_validate(doc) if doc else None


async def find_agency(tx: Transaction, code: str) -> Agency | None:
    doc = await tx.load("agencies", code)
    return Agency.model_validate(doc) if doc else None


async def find_agencies(tx: Transaction, agencies: Iterable[str]) -> dict[str, Agency]:
    found = await tx.find("agencies", {"_id": {"$in": sorted(set(agencies))}})
    return {doc["_id"]: Agency.model_validate(doc) for doc in found}


# -- who is one person -------------------------------------------------------------------------------------------------


def copy_identity(tx: Transaction, event: IdentityEvent) -> None:
    """Which two names are one person, until people undo it."""
    linked = isinstance(event, IdentityLinked)
    tx.save(IDENTITIES, {"_id": str(event.pair_id), "person_refs": list(event.person_refs), "linked": linked})


async def find_other_names(tx: Transaction, person_ref: str) -> tuple[str, ...]:
    """By which other names of the network people decided that this person is known."""
    refs: tuple[str, ...] = ()
    while True:
        wanted = {"person_refs": {"$in": [person_ref, *refs]}, "linked": True}
        found = [await tx.load(IDENTITIES, doc["_id"]) or doc for doc in await tx.find(IDENTITIES, wanted)]
        more = twins.one_person(person_ref, [doc["person_refs"] for doc in found if doc["linked"]])
        if more == refs:
            return refs
        refs = more


async def find_lead(tx: Transaction, city: str) -> Agency | None:
    return who_coordinates([Agency.model_validate(doc) for doc in await tx.find("agencies", {"city": city})])


async def find_lying(tx: Transaction, agency: str) -> list[Referral]:
    """The open referrals that lie at an agency."""
    found = await tx.find("referrals", {"place.agency": agency, "state": {"$in": list(OPEN_STATES)}})
    return [REFERRAL.validate_python(doc) for doc in found]


# -- for the sweep -----------------------------------------------------------------------------------------------------


async def read_timers(db: Any, now: datetime, limit: int) -> list[tuple[UUID, UUID, tuple[Timer, ...], Receipts]]:
    """(referral, journey, timers, receipts) of those with something due, the longest overdue first."""
    wanted = {"timers": 1, "receipts": 1, "need.journey_id": 1}
    found = db.referrals.find({"next_at": due_by(now)}, wanted).sort("next_at", ASCENDING).limit(limit)
    return [
        (
            UUID(doc["_id"]),
            UUID(doc["need"]["journey_id"]),
            TIMERS.validate_python(doc["timers"]),
            RECEIPTS.validate_python(doc["receipts"]),
        )
        async for doc in found
    ]


async def read_chased(db: Any, now: datetime, limit: int) -> list[tuple[UUID, UUID, tuple[Step, ...]]]:
    """(task, journey, steps) of those with a step that is due, the longest overdue first."""
    found = (
        db.tasks.find({"next_at": due_by(now)}, {"steps": 1, "journey_id": 1}).sort("next_at", ASCENDING).limit(limit)
    )
    return [(UUID(doc["_id"]), UUID(doc["journey_id"]), STEPS.validate_python(doc["steps"])) async for doc in found]


async def lease(db: Any, by: str, now: datetime, until: datetime) -> bool:
    """Whether this worker sweeps for all until then. No aggregate: nothing is decided by it."""
    free = {"_id": "sweep", "$or": [{"by": by}, {"until": {"$lte": now}}]}
    try:
        await db.leases.update_one(free, {"$set": {"by": by, "until": until}}, upsert=True)
    except DuplicateKeyError:
        return False
    return True


async def is_due(db: Any, command: Message, at: datetime) -> bool:
    """Whether what the command is for still waits for a step that was due then."""
    match command:
        case FireTimer(referral_id=id) | ChaseReceipt(referral_id=id):
            doc = await db.referrals.find_one({"_id": str(id)}, {"next_at": 1})
        case ChaseTask(task_id=id):
            doc = await db.tasks.find_one({"_id": str(id)}, {"next_at": 1})
        case _:
            return False
    return bool(doc and doc["next_at"] and doc["next_at"] <= at)
