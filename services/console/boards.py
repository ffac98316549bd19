"""Pages that look beyond one's own work: a city's board, the directory, and the search for one referral."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts import codes
from services.console import asking, pages, web
from services.console.bound import gate_of, said, stay, wrong
from services.console.domain import access, board, national
from services.console.domain.shown import Case
from services.console.gate import Gate

router = APIRouter(route_class=web.Page, include_in_schema=False)

LOOKED_AT = timedelta(days=90)


@router.get("/board")
async def city_board(request: Request) -> Response:
    at = gate_of(request)
    return pages.page(request, "board.html", at.now, **await _board(at))


@router.get("/board/live")
async def city_board_live(request: Request) -> Response:
    async def drawn(at: Gate) -> str:
        return pages.draw(request, "_board.html", at.now, **await _board(at))

    return await stay(request, drawn)


async def _board(at: Gate) -> dict[str, Any]:
    rows, unmet = await at.city_rows(at.now - LOOKED_AT), await at.city_unmet(at.now - LOOKED_AT)
    return {"board": board.board(rows, unmet, at.now), "agencies": await at.agencies(), "days": LOOKED_AT.days}


@router.get("/national")
async def national_board(request: Request) -> Response:
    """For the national desk; as of the last full hour and not live, so that nobody sees by whom a number grew."""
    at = gate_of(request)
    return pages.page(
        request, "national.html", at.now, numbers=await at.numbers(), days=national.SPAN.days,
        until=national.last_hour(at.now), least=national.LEAST, cities=codes.codes("cities"),
    )  # fmt: skip


Short = Annotated[str, Query(max_length=64)]


@router.get("/directory")
async def directory(request: Request, service: Short = "", city: Short = "") -> Response:
    """Which offers there are, whether they are open, and how many places are free where they are counted."""
    at, agencies = gate_of(request), await gate_of(request).agencies()
    city = city or agencies.get(at.actor.agency or "", {}).get("city", "")
    served = {city for doc in agencies.values() if (city := doc["city"])}
    return pages.page(
        request, "directory.html", at.now, service=service, city=city, services=codes.codes("services"),
        said=said(request), cities={code: item for code, item in codes.codes("cities").items() if code in served},
        **await _offers(at, service, city),
    )  # fmt: skip


@router.get("/directory/live")
async def directory_live(request: Request, service: Short = "", city: Short = "") -> Response:
    async def drawn(at: Gate) -> str:
        return pages.draw(request, "_directory.html", at.now, **await _offers(at, service, city))

    return await stay(request, drawn, await gate_of(request).marks_of_offers(city))


async def _offers(at: Gate, service: str, city: str) -> dict[str, Any]:
    """city: its code; every city without one."""
    agencies = await at.agencies()
    of_city = {code: doc["city"] for code, doc in agencies.items()}
    offers = [offer for offer in await at.offers(service) if city in ("", of_city.get(offer["agency"]))]
    ours = {o["_id"] for o in offers if access.corrects(at.actor, o["agency"], of_city.get(o["agency"]))}
    today = at.now.astimezone(pages.ROME).date().isoformat()
    taking = {offer["_id"] for offer in offers if access.is_open(offer, today)}
    return {"offers": offers, "agencies": agencies, "free": await at.free(), "correctable": ours, "taking": taking}


@router.get("/search")
async def search(request: Request) -> Response:
    """What is looked for is posted: whoever types a name anywhere, no address holds it."""
    return await _found(request)


@router.post("/search")
async def find(
    request: Request,
    q: Annotated[str, Form(max_length=128)] = "",
    name: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    if not name:
        return await _called(request, q)
    if not gate_of(request).actor.works:
        raise HTTPException(404)
    return await _named(request, name)


async def _called(request: Request, q: str) -> Response:
    """By the code that people say, or by the sender's own reference; one that is found alone is opened."""
    at = gate_of(request)
    wanted = q.strip()
    found, met = (await at.search(wanted), await at.meetings_called(wanted)) if wanted else ([], [])
    others = [id for id in met if id not in {case.row["journey_id"] for case in found}]
    alone = [f"/referrals/{case.id}" for case in found] + [f"/new/{id}" for id in others]
    if len(alone) == 1:
        return RedirectResponse(alone[0], 303)
    return await _found(request, cases=found, q=q, meetings=others)


async def _named(request: Request, name: str) -> Response:
    """Intake is asked as this person; of whom it tells, those are shown who have a referral that this person may see,
    and those whom their own agency met.

    Each look is written down before it is shown.
    """
    at = gate_of(request)
    told = await asking.named(web.session_of(request), name)
    cases = await at.of_intakes([one["intake_id"] for one in told or ()])
    own = await at.own_meetings([one["intake_id"] for one in told or ()])
    all_told = [(one, [case for case in cases if _is_of(case, one)]) for one in told or ()]
    people = [(one, found) for one, found in all_told if found or one["intake_id"] in own]
    for one, found in people:
        for case in found:
            await at.note_read(case, "name")
        if not found:
            await at.note_name(one["intake_id"])
    return await _found(request, people=people, name=name, said=wrong("away") if told is None else None)


NOTHING_FOUND: dict[str, Any] = {"cases": [], "q": "", "people": None, "name": "", "said": None, "meetings": []}


async def _found(request: Request, **found: Any) -> Response:
    at = gate_of(request)
    return pages.page(request, "search.html", at.now, **NOTHING_FOUND | found, agencies=await at.agencies())


def _is_of(case: Case, person: dict[str, Any]) -> bool:
    return bool(case.row["journey_id"] == person["intake_id"])
