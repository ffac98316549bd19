"""What intake keeps: intakes without who the person is, who the person is, free texts, and a copy of the directory."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel

from contracts.commands import KeepText, Tier0
from contracts.directory import Agency, Offer
from services.chassis.transaction import Doc, Transaction
from services.intake.domain.intake import Intake, Personal
from services.intake.domain.known import Directory, named_agencies, named_offers

AGGREGATES = ("intakes", "personal", "texts")
COPIES = ("agencies", "offers")

INDEXES: Mapping[str, list[IndexModel]] = {
    "personal": [IndexModel([("pseudonym", ASCENDING)])],
    "texts": [IndexModel([("referral_id", ASCENDING)])],
}

INTAKE, PERSONAL = TypeAdapter(Intake), TypeAdapter(Personal)


async def find_intake(tx: Transaction, intake_id: UUID) -> Intake | None:
    doc = await tx.load("intakes", intake_id)
    return INTAKE.validate_python(doc) if doc else None


def save_intake(tx: Transaction, intake: Intake) -> None:
    tx.save("intakes", _document(INTAKE, intake, intake.recorded.intake_id))


def save_personal(tx: Transaction, person: Personal) -> None:
    """The one collection with data of tiers 1 and 2 and with what the agency calls the person."""
    tx.save("personal", _document(PERSONAL, person, person.intake_id))


def save_text(tx: Transaction, command: KeepText) -> None:
    tx.save("texts", command.model_dump(mode="json") | {"_id": str(command.text_id)})


def _document(kind: TypeAdapter[Any], value: object, id: UUID) -> Doc:
    doc: Doc = kind.dump_python(value, mode="json")
    return doc | {"_id": str(id)}


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


async def _load(tx: Transaction, collection: str, codes: Iterable[str]) -> list[Doc]:
    return [doc for code in sorted(codes) if (doc := await tx.load(collection, code))]


# -- reading for agencies ---------------------------------------------------------------------------------------------


async def read_intake(db: Any, intake_id: UUID) -> Intake | None:
    doc = await db.intakes.find_one({"_id": str(intake_id)})
    return INTAKE.validate_python(doc) if doc else None
