"""How many places an offer has, and how many are free; never who has them."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from services.http.openapi import problems
from services.http.tokens import Speaker, speaker
from services.places import store

router = APIRouter(prefix="/v1", tags=["places"], responses=problems(401, 404, 422, 503))


class OfferPlaces(BaseModel):
    """Counts of places (`capacity_kinds` of services.json); waiting counts referrals. version: of the last change."""

    offer: str
    kind: str
    total: int
    free: int
    held: int
    confirmed: int
    waiting: int
    version: int


@router.get("/offers/{offer}/places")
async def get_places(request: Request, offer: str, _who: Annotated[Speaker, Depends(speaker)]) -> OfferPlaces:
    """The places that this service counts, for whoever has a token of the network."""
    found = await store.read_places(request.app.state.context.db, offer)
    if found is None or found.total is None:
        raise HTTPException(404)
    confirmed = sum(taken.party.places for taken in found.taken if taken.confirmed)
    held = sum(taken.party.places for taken in found.taken if not taken.confirmed)
    return OfferPlaces(
        offer=offer, kind=found.kind, total=found.total, free=max(found.free, 0), held=held, confirmed=confirmed,
        waiting=len(found.waiting), version=found.version,
    )  # fmt: skip
