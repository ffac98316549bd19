"""The console's read models: what the topics said, by referral, task and agency, and which pages that concerns."""

from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from contracts.contacts import ContactNoted
from contracts.directory import Agency, Offer
from contracts.erasure import PersonErased
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.identity import DuplicateEvent
from contracts.journeys import TaskEvent, UnmetNeedEvent, UnmetNeedTakenBack
from contracts.notifications import NotificationEvent, NotificationFailed
from contracts.places import PlacesEvent
from contracts.sharing import SharingEvent
from services.chassis.transaction import Transaction
from services.console.domain import picture, twins

AGENCIES, OFFERS = "agencies", "offers"
REFERRALS, LINES, TASKS, TOLD, MARKS = "referrals", "lines", "tasks", "told", "marks"
MEETINGS = "meetings"
PLACES, UNMET, TWINS, COUNTED = "places", "unmet", "twins", "counted"
OF_DIRECTORY = (AGENCIES, OFFERS, MARKS)
OF_CAPACITY = (PLACES, MARKS)
OF_REFERRALS = (REFERRALS, COUNTED, LINES, TASKS, UNMET, MARKS)
SESSIONS, LOGINS, READS, GLASS, SEEN = "sessions", "logins", "reads", "glass", "seen"
OF_INTAKES = (TWINS, MARKS, MEETINGS, GLASS)


def _index(*fields: str) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields])


INDEXES: Mapping[str, list[IndexModel]] = {
    REFERRALS: [
        _index("shown_to", "receiver_queue", "due_at"),
        _index("sender_agency", "open", "sender_queue", "due_at"),
        _index("cities", "open", "due_at"),
        _index("receiver_agency", "owes", "receiver_queue"),
        _index("code"),
        _index("journey_id"),
        _index("sender_agency", "sender_ref"),
        _index("person_ref"),
    ],
    COUNTED: [_index("city", "week")],
    LINES: [_index("referral_id", "version", "place")],
    TASKS: [
        _index("agency", "open", "queue", "due_at"),
        _index("cities", "open", "due_at"),
        _index("journey_id", "agency", "queue"),
    ],
    MEETINGS: [_index("sender_agency", "sender_ref"), _index("sender_agency", "person_ref")],
    TOLD: [_index("referral_id", "agency", "at")],
    TWINS: [_index("sender_agency", "state"), _index("cities", "state"), _index("intake_id")],
    UNMET: [_index("cities", "at"), _index("at")],
    MARKS: [_index("agency")],
    SESSIONS: [IndexModel([("ends_at", ASCENDING)], expireAfterSeconds=0)],
    LOGINS: [IndexModel([("ends_at", ASCENDING)], expireAfterSeconds=0)],
    READS: [IndexModel([("at", DESCENDING)]), IndexModel([("row", ASCENDING), ("at", DESCENDING)])],
    GLASS: [
        _index("subject", "ends_at"),
        _index("journey_id"),
        IndexModel([("owners", ASCENDING), ("at", DESCENDING)]),
        IndexModel([("at", DESCENDING)]),
    ],
}


def copy_agency(tx: Transaction, agency: Agency) -> None:
    tx.save(AGENCIES, agency.model_dump(mode="json", by_alias=True) | {"_id": agency.code})
    _mark(tx, offers_of(agency.code), of="directory/")


def copy_offer(tx: Transaction, offer: Offer) -> None:
    tx.save(OFFERS, offer.model_dump(mode="json", by_alias=True) | {"_id": offer.code})
    _mark(tx, offers_of(offer.agency), of="directory/")


async def note_referral(tx: Transaction, event: ReferralEvent) -> None:
    before = await tx.load(REFERRALS, event.referral_id)
    cities = await _cities(tx, event.sender_agency, event.receiver_agency)
    doc = picture.after(before, event, cities)
    tx.save(REFERRALS, doc)
    if (counted := picture.counted(doc)) and counted != picture.counted(before):
        for city in cities:
            id = picture.tally_id(city, counted["sent_at"], tx.cause.partition)
            known = await tx.load(COUNTED, id)
            tx.save(COUNTED, picture.tally(known, city, tx.cause.partition, doc["_id"], counted))
    if line := picture.entry(event, str(tx.cause.id), tx.cause.offset):
        tx.save(LINES, line)
    _mark(tx, event.sender_agency, event.receiver_agency, before and before.get("receiver_agency"))


async def note_task(tx: Transaction, event: TaskEvent) -> None:
    before = await tx.load(TASKS, event.task_id)
    tx.save(TASKS, picture.task_after(before, event, await _cities(tx, event.agency)))
    _mark(tx, event.agency)


async def note_unmet(tx: Transaction, event: UnmetNeedEvent) -> None:
    """A need that nobody could meet, by city; what is tried elsewhere is not final and is left out."""
    if event.final and isinstance(event, UnmetNeedTakenBack):
        tx.delete(UNMET, event.referral_id)
    elif event.final:
        known = {"service": event.service, "reason": event.reason, "at": event.at}
        tx.save(UNMET, known | {"_id": str(event.referral_id), "cities": await _cities(tx, event.sender_agency)})


def note_meeting(tx: Transaction, event: IntakeRecorded) -> None:
    """How its desk calls a meeting, for what is to be decided of a need that came to nobody; whom it met, by the
    network's name; and whom the person excluded.
    """
    known = {name: getattr(event, name) for name in ("sender_agency", "sender_queue", "sender_ref", "person_ref")}
    tx.save(MEETINGS, known | {"_id": str(event.intake_id), "excluded": [*event.withhold, *_refused(event)]})


async def note_sharing(tx: Transaction, event: SharingEvent) -> None:
    """Whom the person excludes now too: what they may see by a broken glass is to be looked at again. And that the
    person is erased: with why somebody broke the glass to see them, which was written of them.
    """
    known, erased = await tx.load(MEETINGS, event.intake_id), isinstance(event, PersonErased)
    known = known or {"_id": str(event.intake_id), "sender_agency": event.sender_agency, "sender_ref": None}
    excluded = dict.fromkeys([*known.get("excluded", ()), *_refused(event)])
    tx.save(MEETINGS, known | {"excluded": [*excluded]} | ({"erased_at": event.at} if erased else {}))
    for broken in await tx.find(GLASS, {"journey_id": str(event.intake_id)}) if erased else ():
        tx.save(GLASS, broken | {"reason": None})
    _mark(tx, event.sender_agency, of="intakes/")


async def note_contact(tx: Transaction, event: ContactNoted) -> None:
    """Who noted what of how the person is reached: of the contact itself nothing is told."""
    known = await tx.load(MEETINGS, event.intake_id)
    known = known or {"_id": str(event.intake_id), "sender_agency": event.sender_agency, "sender_ref": None}
    said = event.model_dump(include={"at", "by", "further", "not_to_be_used", "why"})
    tx.save(MEETINGS, known | {"contacts": [*known.get("contacts", ()), said]})
    _mark(tx, event.sender_agency, of="intakes/")


def _refused(event: IntakeRecorded | SharingEvent) -> list[str]:
    return [basis.recipient for basis in event.sharing_basis if basis.refused]


async def note_twins(tx: Transaction, event: DuplicateEvent) -> None:
    """Two people who may be one: their desk's pages are to look again."""
    tx.save(TWINS, twins.after(await tx.load(TWINS, event.pair_id), event))
    _mark(tx, event.sender_agency, of="intakes/")


async def note_places(tx: Transaction, event: PlacesEvent) -> None:
    tx.save(PLACES, {"_id": event.offer, "free": event.free, "at": event.at})
    if offer := await tx.load(OFFERS, event.offer):
        _mark(tx, offers_of(offer["agency"]), of="capacity/")


def offers_of(agency: str) -> str:
    """By which mark pages know that the directory, or a free place, of this agency has changed."""
    return f"{agency}/offers"


async def note_told(tx: Transaction, event: NotificationEvent) -> None:
    """That a queue was told of a referral by mail, or could not be."""
    told = event.model_dump(mode="json", include={"queue", "agency", "channel", "about", "referral_id", "attempts"})
    failed = event.reason if isinstance(event, NotificationFailed) else None
    tx.save(TOLD, told | {"_id": str(event.notification_id), "at": event.at, "failed": failed})


async def _cities(tx: Transaction, *agencies: str | None) -> list[str]:
    found = [await tx.load(AGENCIES, agency) for agency in agencies if agency]
    return sorted({doc["city"] for doc in found if doc})


def _mark(tx: Transaction, *agencies: Any, of: str = "") -> None:
    """Pages that show this agency's work are to look again. One mark a partition: no two workers write the same.

    of: which topic's, unless referrals'.
    """
    for agency in _known(agencies):
        tx.save(MARKS, {"_id": f"{agency}/{of}{tx.cause.partition}", "agency": agency, "at": tx.cause.offset})


def _known(agencies: Iterable[Any]) -> set[str]:
    return {str(agency) for agency in agencies if agency}
