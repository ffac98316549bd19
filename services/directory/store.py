"""What the directory keeps: its agencies and offers as they are now."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel

from contracts.directory import Agency, Offer
from services.chassis.transaction import Doc, Transaction
from services.directory.domain.corrections import Correction, Corrections

CORRECTIONS = "corrections"
AGGREGATES = ("agencies", "offers")
OWNED = (*AGGREGATES, CORRECTIONS)
CORRECTED: TypeAdapter[dict[str, Correction]] = TypeAdapter(dict[str, Correction])

INDEXES: Mapping[str, list[IndexModel]] = {
    "agencies": [IndexModel([("city", ASCENDING)])],
    "offers": [IndexModel([(field, ASCENDING)]) for field in ("service", "agency", "area_served.cities")],
}


async def find_agency(tx: Transaction, code: str) -> Agency | None:
    doc = await tx.load("agencies", code)
    return Agency.model_validate(doc) if doc else None


async def find_codes(tx: Transaction) -> list[str]:
    """Of all agencies, as the last batch left them."""
    return [doc["_id"] for doc in await tx.find("agencies", {}, only=("_id",))]


async def find_offer(tx: Transaction, code: str) -> Offer | None:
    doc = await tx.load("offers", code)
    return Offer.model_validate(doc) if doc else None


def save_entry(tx: Transaction, entry: Agency | Offer) -> None:
    collection = "agencies" if isinstance(entry, Agency) else "offers"
    tx.save(collection, entry.model_dump(mode="json") | {"_id": entry.code})


async def find_corrections(tx: Transaction, code: str) -> Corrections:
    doc = await tx.load(CORRECTIONS, code)
    return CORRECTED.validate_python(doc["fields"]) if doc else {}


def save_corrections(tx: Transaction, code: str, standing: Corrections) -> None:
    """What holds of an offer against its file, by whom and since when."""
    tx.save(CORRECTIONS, {"_id": code, "fields": CORRECTED.dump_python(dict(standing), mode="json")})


# -- reading for everybody --------------------------------------------------------------------------------------------


async def read_agencies(db: Any, city: str | None) -> list[Agency]:
    found = db.agencies.find({"city": city} if city else {}).sort("_id", ASCENDING)
    return [Agency.model_validate(doc) async for doc in found]


async def read_agency(db: Any, code: str) -> Agency | None:
    doc = await db.agencies.find_one({"_id": code})
    return Agency.model_validate(doc) if doc else None


async def read_offers(db: Any, *, service: str | None, city: str | None, agency: str | None) -> list[Offer]:
    """city: where the person is; an offer for any city of the network is open to people from there too."""
    query: Doc = {name: value for name, value in (("service", service), ("agency", agency)) if value}
    if city:
        query["$or"] = [{"area_served.cities": city}, {"area_served.any_network_city": True}]
    return [Offer.model_validate(doc) async for doc in db.offers.find(query).sort("_id", ASCENDING)]
