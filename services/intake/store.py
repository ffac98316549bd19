"""What intake keeps: intakes, people, who may be one, who may be told and who was, texts, a copy of the directory."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pymongo import ASCENDING, DESCENDING, IndexModel

from contracts import catalogue
from contracts.commands import DropText, EndAccess, GrantAccess, KeepText, RecordIntake
from contracts.contacts import NoteContact
from contracts.directory import Agency, Offer
from contracts.erasure import DropReasons, EraseMeeting
from contracts.events import IntakeRecorded, ReferralEvent
from contracts.identity import DecidePair, SeekTwins, SuspectPair, UndoPair
from contracts.sharing import ConfirmBases, ExcludeRecipients, ExpireBases, GiveBasis, WithdrawBases
from contracts.stated import Tier0
from contracts.values import Message
from services.chassis.transaction import Doc, Transaction
from services.intake.domain import naming
from services.intake.domain.access import Grant
from services.intake.domain.basis import Sharing
from services.intake.domain.erasing import Standing
from services.intake.domain.intake import Intake, Personal
from services.intake.domain.known import Directory, named_agencies, named_offers
from services.intake.domain.pairs import SAME, Pair, one_person
from services.intake.domain.release import Read
from services.intake.domain.twins import MOST_COMPARED, Traits, name_keys, strong_keys, traits

OF_REFERRALS = ("parties",)
AGGREGATES = ("intakes", "personal", "sharing", "texts", "grants", "pairs")
COPIES = ("agencies", "offers")

LOADED: Mapping[type[Message], tuple[str, ...]] = {
    RecordIntake: ("intakes",),
    SeekTwins: ("intakes", "personal"),
    NoteContact: ("intakes", "personal", "sharing"),
    EraseMeeting: ("intakes", "sharing"),
    **dict.fromkeys((WithdrawBases, GiveBasis, ConfirmBases, ExcludeRecipients, ExpireBases), ("sharing",)),
    **dict.fromkeys((GrantAccess, EndAccess), ("grants",)),
    **dict.fromkeys((KeepText, DropText), ("texts",)),
    **dict.fromkeys((SuspectPair, DecidePair, UndoPair, DropReasons), ("pairs",)),
}
"""Under its own key, by each command."""

DROPPED_S = 45 * 86_400
"""So long it is known of a text that it was dropped: longer than the topic has it, which may come after."""

INDEXES: Mapping[str, list[IndexModel]] = {
    "intakes": [IndexModel([("recorded.person_ref", ASCENDING)])],
    "personal": [
        IndexModel([("pseudonym", ASCENDING)]),
        IndexModel([("keys", ASCENDING)]),
        IndexModel([("agency", ASCENDING), ("keys", ASCENDING)]),
    ],
    "parties": [IndexModel([("journey_id", ASCENDING)])],
    "pairs": [IndexModel([("person_refs", ASCENDING), ("state", ASCENDING)])],
    "sharing": [IndexModel([("ends_at", ASCENDING)])],
    "texts": [
        IndexModel([("referral_id", ASCENDING)]),
        IndexModel([("dropped_at", ASCENDING)], expireAfterSeconds=DROPPED_S),
    ],
    "grants": [
        IndexModel([("intake_id", ASCENDING), ("agency", ASCENDING)]),
        IndexModel([("agency", ASCENDING), ("ended", ASCENDING)]),
    ],
    "reads": [IndexModel([(field, ASCENDING), ("_id", DESCENDING)]) for field in ("person_ref", "agency")],
}

INTAKE, PERSONAL = TypeAdapter(Intake), TypeAdapter(Personal)
SHARING = TypeAdapter(Sharing)
GRANT, READ = TypeAdapter(Grant), TypeAdapter(Read)
PAIR = TypeAdapter(Pair)


def ahead(command: Message, _tx: Transaction) -> list[tuple[str, str]]:
    """What a command will load, as far as its key says."""
    key = str(catalogue.BY_MODEL[type(command)].key_of(command))
    return [(collection, key) for collection in LOADED.get(type(command), ())]


async def find_intake(tx: Transaction, intake_id: UUID) -> Intake | None:
    doc = await tx.load("intakes", intake_id)
    return INTAKE.validate_python(doc) if doc else None


def save_intake(tx: Transaction, intake: Intake) -> None:
    tx.save("intakes", _document(INTAKE, intake, intake.recorded.intake_id))


async def find_personal(tx: Transaction, intake_id: UUID) -> Personal | None:
    doc = await tx.load("personal", intake_id)
    return as_person(doc) if doc else None


def save_personal(tx: Transaction, person: Personal, who: Traits) -> None:
    """The one collection with data of tiers 1 and 2 and with what the agency calls the person.

    keys: by which people are found who may be the same person, or who are asked for by name.
    """
    keys = [*strong_keys(who), *name_keys(who), *naming.keys_of(who.names)]
    tx.save("personal", _document(PERSONAL, person, person.intake_id) | {"keys": keys})


def delete_personal(tx: Transaction, intake_id: UUID) -> None:
    tx.delete("personal", intake_id)


async def find_sharing(tx: Transaction, intake_id: UUID) -> Sharing | None:
    doc = await tx.load("sharing", intake_id)
    return SHARING.validate_python(doc) if doc else None


def save_sharing(tx: Transaction, sharing: Sharing) -> None:
    tx.save("sharing", _document(SHARING, sharing, sharing.intake_id) | {"ends_at": sharing.ends_at})


async def note_text(tx: Transaction, command: KeepText | DropText) -> None:
    """One that was dropped is not kept when it comes late: it and its command go by different topics. Nor is what was
    written of a person who was erased: of that stays between whom it lay, so that they are told so.
    """
    known = await tx.load("texts", command.text_id)
    if isinstance(command, DropText) and command.erased and known:
        tx.save("texts", known | {"text": None})
    elif isinstance(command, DropText):
        tx.save("texts", {"_id": str(command.text_id), "dropped_at": tx.now})
    elif known is None:
        gone = {"text": None} if await _is_of_erased(tx, command.referral_id) else {}
        tx.save("texts", command.model_dump(mode="json") | {"_id": str(command.text_id)} | gone)


async def _is_of_erased(tx: Transaction, referral_id: str) -> bool:
    of = await tx.load("parties", referral_id)
    met = await tx.load("intakes", of["journey_id"]) if of and of.get("journey_id") else None
    return bool(met and met.get("erased"))


def copy_parties(tx: Transaction, event: ReferralEvent) -> None:
    known = {"sender": event.sender_agency, "receiver": event.receiver_agency, "state": event.state}
    known |= {"journey_id": str(event.journey_id)}
    tx.save("parties", known | {"_id": str(event.referral_id)})


async def find_grant(tx: Transaction, referral_id: UUID) -> Grant | None:
    doc = await tx.load("grants", referral_id)
    return GRANT.validate_python(doc) if doc else None


async def find_grants(tx: Transaction, intake_id: UUID) -> list[Grant]:
    found = await tx.find("grants", {"intake_id": str(intake_id)})
    return [GRANT.validate_python(doc) for doc in found]


def save_grant(tx: Transaction, grant: Grant) -> None:
    tx.save("grants", _document(GRANT, grant, grant.referral_id))


def _document(kind: TypeAdapter[Any], value: object, id: UUID) -> Doc:
    doc: Doc = kind.dump_python(value, mode="json")
    return doc | {"_id": str(id)}


# -- who may be one person --------------------------------------------------------------------------------------------


async def find_pair(tx: Transaction, pair_id: UUID) -> Pair | None:
    doc = await tx.load("pairs", pair_id)
    return PAIR.validate_python(doc) if doc else None


def save_pair(tx: Transaction, pair: Pair) -> None:
    tx.save("pairs", _document(PAIR, pair, pair.pair_id))


async def find_alike(tx: Transaction, who: Traits) -> list[Traits]:
    """Who has a key in common: by identifier or way to be reached, then by name, so many of each and no more."""
    found = {
        doc["_id"]: doc
        for keys in (strong_keys(who), name_keys(who))
        if keys
        for doc in await tx.find("personal", {"keys": {"$in": keys}}, most=MOST_COMPARED)
        if doc["pseudonym"] != who.person_ref
    }
    met = await tx.find("intakes", {"_id": {"$in": sorted(found)}}) if found else []
    recorded = {doc["_id"]: IntakeRecorded.model_validate(doc["recorded"]) for doc in met}
    return [traits(as_person(doc), recorded[id]) for id, doc in found.items() if id in recorded]


async def find_one_person(tx: Transaction, person_ref: str) -> frozenset[str]:
    """Every name of the network that stands for this person, as people decided."""
    refs: frozenset[str] = frozenset()
    more = frozenset({person_ref})
    while more != refs:
        refs = more
        found = await tx.find("pairs", linked(refs))
        more = one_person(person_ref, [PAIR.validate_python(doc) for doc in found])
    return refs


async def find_meetings(tx: Transaction, person_refs: Iterable[str]) -> list[IntakeRecorded]:
    """Every intake of these people, each with its sharing bases as they are now."""
    met = await tx.find("intakes", {"recorded.person_ref": {"$in": sorted(person_refs)}})
    shared = await tx.find("sharing", {"_id": {"$in": [doc["_id"] for doc in met]}}) if met else []
    now = {doc["_id"]: {"sharing_basis": doc["bases"]} for doc in shared}
    return [IntakeRecorded.model_validate(doc["recorded"] | now.get(doc["_id"], {})) for doc in met]


async def find_intakes(tx: Transaction, person_refs: Iterable[str]) -> list[Intake]:
    """Every intake of these people as it is kept, each with the sharing bases that it stated."""
    met = await tx.find("intakes", {"recorded.person_ref": {"$in": sorted(person_refs)}})
    return [INTAKE.validate_python(doc) for doc in met]


async def find_agencies(tx: Transaction, agencies: Iterable[str]) -> list[Agency]:
    return [Agency.model_validate(doc) for doc in await _load(tx, "agencies", agencies)]


async def find_pairs_of(tx: Transaction, person_ref: str) -> list[UUID]:
    return [UUID(doc["_id"]) for doc in await tx.find("pairs", {"person_refs": {"$in": [person_ref]}}, ("_id",))]


def linked(person_refs: Iterable[str]) -> Doc:
    return {"person_refs": {"$in": sorted(person_refs)}, "state": SAME}


def as_person(doc: Doc) -> Personal:
    """As JSON, for what agencies state is read strictly, and a date in Python is no text."""
    return PERSONAL.validate_json(json.dumps(doc))


# -- what came of a meeting -------------------------------------------------------------------------------------------


async def find_standing(tx: Transaction, intakes: Iterable[UUID]) -> list[Standing]:
    """The referrals that came of these; of one from before it was noted of which, its grant tells it."""
    of = {"$in": [str(id) for id in intakes]}
    found = {doc["_id"]: doc for doc in await tx.find("parties", {"journey_id": of})}
    for grant in await tx.find("grants", {"intake_id": of}, ("_id",)):
        if grant["_id"] not in found and (doc := await tx.load("parties", grant["_id"])):
            found[grant["_id"]] = doc
    return [Standing(UUID(id), doc["state"]) for id, doc in found.items()]


async def find_texts(tx: Transaction, intake_id: UUID) -> list[UUID]:
    """What was written with commands on the referrals that came of it."""
    of = [str(one.referral_id) for one in await find_standing(tx, [intake_id])]
    found = await tx.find("texts", {"referral_id": {"$in": of}}, ("_id",)) if of else []
    return [UUID(doc["_id"]) for doc in found]


# -- the copy of the directory ----------------------------------------------------------------------------------------


def copy_entry(tx: Transaction, entry: Agency | Offer) -> None:
    collection = "agencies" if isinstance(entry, Agency) else "offers"
    tx.save(collection, entry.model_dump(mode="json") | {"_id": entry.code})


async def get_directory(tx: Transaction, tier0: Tier0) -> Directory:
    """The entries that an intake names, and the agencies of the offers it names."""
    offers = {doc["code"]: Offer.model_validate(doc) for doc in await _load(tx, "offers", named_offers(tier0))}
    wanted = named_agencies(tier0) | {offer.agency for offer in offers.values()}
    agencies = {doc["code"]: Agency.model_validate(doc) for doc in await _load(tx, "agencies", wanted)}
    return Directory(agencies, offers)


async def get_recipient(tx: Transaction, recipient: str) -> Directory:
    """The entry of an agency that a sharing basis names; a city has none."""
    found = [Agency.model_validate(doc) for doc in await _load(tx, "agencies", {recipient})]
    return Directory({agency.code: agency for agency in found})


async def _load(tx: Transaction, collection: str, codes: Iterable[str]) -> list[Doc]:
    return [doc for code in sorted(codes) if (doc := await tx.load(collection, code))]
