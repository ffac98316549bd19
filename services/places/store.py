"""What a counting service keeps: one document an offer, changed as a whole, and a copy of the directory."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel

from contracts.directory import Agency, Offer
from contracts.places import places_id
from services.chassis.sweep import due_by
from services.chassis.transaction import Transaction
from services.places.domain.places import Places

AGGREGATES = ("places",)
COPIES = ("agencies", "offers")
INDEXES: Mapping[str, list[IndexModel]] = {
    "places": [IndexModel([(field, ASCENDING)]) for field in ("next_until", "next_close")]
}

PLACES = TypeAdapter(Places)


async def get_places(tx: Transaction, offer: str) -> Places:
    """The places of an offer, or of one that the directory has not told yet."""
    doc = await tx.load("places", places_id(offer))
    return PLACES.validate_python(doc) if doc else Places(offer)


def save_places(tx: Transaction, places: Places) -> None:
    """next_until, next_close: when the next hold, or the last day, is over, as the store's own, for the indexes."""
    due = {"next_until": places.next_until, "next_close": places.closes_at if places.is_open else None}
    tx.save("places", PLACES.dump_python(places, mode="json") | {"_id": str(places_id(places.offer))} | due)


async def read_places(db: Any, offer: str) -> Places | None:
    doc = await db.places.find_one({"_id": str(places_id(offer))})
    return PLACES.validate_python(doc) if doc else None


async def read_lapsing(db: Any, until: datetime) -> AsyncIterator[Places]:
    """Those with a hold that is over, the longest overdue first."""
    async for doc in db.places.find({"next_until": due_by(until)}).sort("next_until", ASCENDING):
        yield PLACES.validate_python(doc)


async def read_closing(db: Any, now: datetime) -> AsyncIterator[Places]:
    """Those whose last day is over, the longest ago first."""
    async for doc in db.places.find({"next_close": due_by(now)}).sort("next_close", ASCENDING):
        yield PLACES.validate_python(doc)


# -- the directory's copy ----------------------------------------------------------------------------------------------


async def copy_entry(tx: Transaction, entry: Agency | Offer) -> None:
    """Beside the agencies, which offers each has: also those of this very batch, which no query finds."""
    collection = "agencies" if isinstance(entry, Agency) else "offers"
    tx.save(collection, entry.model_dump(mode="json", by_alias=True) | {"_id": entry.code})
    if isinstance(entry, Offer) and entry.code not in (known := await _offers_of(tx, entry.agency)):
        tx.save("agencies", {"_id": _all_of(entry.agency), "offers": [*known, entry.code]})


async def find_agency(tx: Transaction, code: str) -> Agency | None:
    doc = await tx.load("agencies", code)
    return Agency.model_validate(doc) if doc else None


async def find_offer(tx: Transaction, code: str) -> Offer | None:
    doc = await tx.load("offers", code)
    return Offer.model_validate(doc) if doc else None


async def find_offers(tx: Transaction, agency: str) -> list[Offer]:
    """What this agency offers now."""
    found = [await find_offer(tx, code) for code in await _offers_of(tx, agency)]
    return [offer for offer in found if offer and offer.agency == agency]


async def _offers_of(tx: Transaction, agency: str) -> list[str]:
    """All that it ever had."""
    doc = await tx.load("agencies", _all_of(agency))
    return doc["offers"] if doc else []


def _all_of(agency: str) -> str:
    """The name of the list of its offers: no code of an agency has a slash."""
    return f"offers/{agency}"
