"""What a counting service keeps: one document an offer, changed as a whole."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from pymongo import ASCENDING, IndexModel

from contracts.places import places_id
from services.chassis.sweep import due_by
from services.chassis.transaction import Transaction
from services.places.domain.places import Places

AGGREGATES = ("places",)
INDEXES: Mapping[str, list[IndexModel]] = {"places": [IndexModel([("next_until", ASCENDING)])]}

PLACES = TypeAdapter(Places)


async def get_places(tx: Transaction, offer: str) -> Places:
    """The places of an offer, or of one that the directory has not told yet."""
    doc = await tx.load("places", places_id(offer))
    return PLACES.validate_python(doc) if doc else Places(offer)


def save_places(tx: Transaction, places: Places) -> None:
    """next_until: when the next hold is over, as the store's own instant, for the sweep's index."""
    doc = PLACES.dump_python(places, mode="json")
    tx.save("places", doc | {"_id": str(places_id(places.offer)), "next_until": places.next_until})


async def read_places(db: Any, offer: str) -> Places | None:
    doc = await db.places.find_one({"_id": str(places_id(offer))})
    return PLACES.validate_python(doc) if doc else None


async def read_lapsing(db: Any, until: datetime) -> AsyncIterator[Places]:
    """Those with a hold that is over, the longest overdue first."""
    async for doc in db.places.find({"next_until": due_by(until)}).sort("next_until", ASCENDING):
        yield PLACES.validate_python(doc)
