"""The directory as everybody may read it, in the words of HSDS 3."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request

from services.chassis.sweep import edge_now
from services.directory import store
from services.directory.domain import hsds
from services.http.openapi import problems

router = APIRouter(prefix="/v1", tags=["directory"], responses=problems(422, 503))

Code = Annotated[str | None, Query(max_length=64)]


@router.get("/agencies")
async def get_agencies(request: Request, city: Code = None) -> list[hsds.Organization]:
    """All agencies, or those of a city, with their queues as locations."""
    return [hsds.organization(agency) for agency in await store.read_agencies(_db(request), city)]


@router.get("/agencies/{code}", responses=problems(404))
async def get_agency(request: Request, code: Annotated[str, Path(max_length=64)]) -> hsds.Organization:
    agency = await store.read_agency(_db(request), code)
    if agency is None:
        raise HTTPException(404)
    return hsds.organization(agency)


@router.get("/offers")
async def get_offers(
    request: Request, service: Code = None, city: Code = None, agency: Code = None
) -> list[hsds.ServiceAtLocation]:
    """All offers, or those of a service, of an agency, or open to people who are in a city.

    `status` is `inactive` for one that is closed, whose last day (`valid_to`) is over, or whose agency is not active.
    """
    found = await store.read_offers(_db(request), service=service, city=city, agency=agency)
    agencies = {known.code: known for known in await store.read_agencies(_db(request), None)}
    now = edge_now(request.app.state.context.settings)
    return [hsds.service_at_location(offer, agencies.get(offer.agency), now) for offer in found]


def _db(request: Request) -> Any:
    return request.app.state.context.db
