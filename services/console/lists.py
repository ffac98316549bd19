"""The pages that list: one's queue, what was sent, a city, what is to be decided, and who looked at what."""

import gzip
from collections.abc import Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints
from starlette.exceptions import HTTPException

from services.console import asking, pages, web
from services.console.bound import back_to, doable, gate_of, said, stay, wrong
from services.console.domain import access
from services.console.gate import Gate

router = APIRouter(route_class=web.Page, include_in_schema=False)
static = APIRouter(route_class=web.Open, include_in_schema=False)
elsewhere = APIRouter(route_class=web.Open, include_in_schema=False)
"""What no other page answers to."""

BROWSER = "django_htmx"
FILES = {
    "console.css": ("services.console", "static/console.css"),
    "console.js": ("services.console", "static/console.js"),
    "icon.svg": ("services.console", "static/icon.svg"),
    "htmx.js": (BROWSER, "static/django_htmx/htmx-4.min.js"),
    "hx-sse.js": (BROWSER, "static/django_htmx/ext/hx-sse-4.min.js"),
}
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
LISTS = {
    "queue": ("my_queue", "receiver", "sender_agency"),
    "sent": ("my_sent", "sender", "receiver_agency"),
    "city": ("my_city", access.COORDINATOR, "receiver_agency"),
}
"""The heading of each list, as what its rows are seen, and whose name they show."""

SHORTEST_REASON = 10
"""Of why glass is broken, in characters."""
GLASS_WRONG = {"code": "glass_none", "reason": "glass_why"}
"""What is said of each field of the form with which glass is broken."""
NOTHING_TYPED = dict.fromkeys(GLASS_WRONG, "")

BEGIN = {
    access.COORDINATOR: "/city", access.NATIONAL: "/national", access.AUDITOR: "/looks", access.OPS: "/ops",
}  # fmt: skip
"""Where who does not work for an agency begins."""


@static.get("/static/{name}")
async def get_file(request: Request, name: str) -> Response:
    """Compressed for who can read it. Pages never are: one that shows both what was typed and the word of a session
    would tell that word by its length.
    """
    if name not in FILES:
        raise HTTPException(404)
    known = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    body, type = _file(name, packed)
    return Response(body, media_type=type, headers=known | ({"Content-Encoding": "gzip"} if packed else {}))


@cache
def _file(name: str, packed: bool) -> tuple[bytes, str]:
    package, path = FILES[name]
    body = files(package).joinpath(path).read_bytes()
    return gzip.compress(body, mtime=0) if packed else body, TYPES[name.rpartition(".")[2]]


@elsewhere.get("/{path:path}")
async def nothing(path: str) -> Response:
    raise HTTPException(404)


@router.get("/")
async def home(request: Request) -> Response:
    actor = web.session_of(request).actor
    first = "/queue" if actor.works else next((BEGIN[role] for role in BEGIN if role in actor.roles), None)
    return RedirectResponse(first, 303) if first else pages.notice(request, "no_pages")


@router.get("/here", status_code=204)
async def here() -> None:
    """Nothing: who is not is led to the login."""


@router.get("/r/{code}")
async def by_code(request: Request, code: str) -> Response:
    """Where the links of mails lead."""
    found = await gate_of(request).called(code)
    if not found:
        raise HTTPException(404)
    return RedirectResponse(f"/referrals/{found[0].id}", 303)


# -- lists -------------------------------------------------------------------------------------------------------------
Number = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@router.get("/queue")
async def queue(request: Request, number: Number = 1) -> Response:
    return await _list(request, "queue", number)


@router.get("/sent")
async def sent(request: Request, number: Number = 1) -> Response:
    return await _list(request, "sent", number)


@router.get("/city")
async def city(request: Request, number: Number = 1) -> Response:
    return await _list(request, "city", number)


@router.get("/queue/live")
async def queue_live(request: Request, number: Number = 1) -> Response:
    return await stay(request, partial(_listed, request, "queue", number))


@router.get("/sent/live")
async def sent_live(request: Request, number: Number = 1) -> Response:
    return await stay(request, partial(_listed, request, "sent", number))


@router.get("/city/live")
async def city_live(request: Request, number: Number = 1) -> Response:
    return await stay(request, partial(_listed, request, "city", number))


async def _list(request: Request, which: str, number: int) -> Response:
    values = await _listing(gate_of(request), which, number)
    await gate_of(request).note_list(which, values["page"].cases)
    return pages.page(request, "list.html", gate_of(request).now, said=said(request), **values)


async def _listed(request: Request, which: str, number: int, at: Gate) -> str:
    return pages.draw(request, "_list.html", at.now, **await _listing(at, which, number))


async def _listing(at: Gate, which: str, number: int) -> dict[str, Any]:
    heading, relation, other = LISTS[which]
    page, agencies = await at.open_as(relation, number), await at.agencies()
    may = {case.id: doable(case, at, agencies)[:4] for case in page.cases} if which == "queue" else {}
    return {
        "page": page,
        "which": which,
        "heading": heading,
        "other": other,
        "agencies": agencies,
        "doable": may,
    }


# -- tasks -------------------------------------------------------------------------------------------------------------
@router.get("/tasks")
async def tasks(request: Request) -> Response:
    at = gate_of(request)
    return pages.page(request, "tasks.html", at.now, said=said(request), **await _tasks(at))


@router.get("/tasks/live")
async def tasks_live(request: Request) -> Response:
    async def drawn(at: Gate) -> str:
        return pages.draw(request, "_tasks.html", at.now, **await _tasks(at))

    return await stay(request, drawn)


async def _tasks(at: Gate) -> dict[str, Any]:
    offers = {offer["_id"]: offer for offer in await at.offers()}
    return {"tasks": await at.tasks(), "owed": await at.owed(), "agencies": await at.agencies(), "offers": offers}


@router.post("/tasks/{task_id}")
async def complete(request: Request, task_id: UUID) -> Response:
    at = gate_of(request)
    todo = next((t for t in await at.tasks() if t.completes and t.row["_id"] == str(task_id)), None)
    if todo is None:
        raise HTTPException(404)
    answer = await asking.say(web.session_of(request), "staffetta.task.complete.v1", {"task_id": str(task_id)})
    return back_to("/tasks", answer, todo.code)


# -- who looked --------------------------------------------------------------------------------------------------------
@router.get("/looks")
async def looks(request: Request, code: Annotated[str, Query(max_length=16)] = "") -> Response:
    """Whoever opens it has seen whose glass was broken. code: of the one referral that an auditor asks about."""
    return await _looks_page(request, code)


@router.get("/looks/live")
async def looks_live(request: Request, code: Annotated[str, Query(max_length=16)] = "") -> Response:
    async def drawn(at: Gate) -> str:
        return pages.draw(request, "_looks.html", at.now, **await _looks(at, code.strip()))

    return await stay(request, drawn, [gate_of(request).glasses.mark])


async def _looks_page(
    request: Request, code: str = "", typed: Mapping[str, str] = NOTHING_TYPED, pointed: str = ""
) -> Response:
    """typed: by who would break the glass, by field; pointed: at which of them, as wrong."""
    at = gate_of(request)
    await at.glasses.see()
    request.state.unseen = 0
    return pages.page(
        request, "looks.html", at.now, 422 if pointed else 200, said=wrong(GLASS_WRONG[pointed]) if pointed else None,
        shortest=SHORTEST_REASON, typed=typed, pointed=pointed, **await _looks(at, code.strip()),
    )  # fmt: skip


async def _looks(at: Gate, code: str) -> dict[str, Any]:
    mine, broken = await at.glasses.still_open(), await at.glasses.broken()
    return {"mine": mine, "broken": broken, "reads": await at.reads(code), "asked": code}


@router.post("/looks")
async def break_glass(
    request: Request,
    code: Annotated[str, Form(max_length=16)],
    reason: Annotated[str, StringConstraints(strip_whitespace=True), Form(max_length=300)] = "",
) -> Response:
    """Emergency access: for four hours, with a reason, told to the agencies whose referral it is and to auditors."""
    typed = {"code": code, "reason": reason}
    if len(reason) < SHORTEST_REASON:
        return await _looks_page(request, typed=typed, pointed="reason")
    if opened := await gate_of(request).glasses.break_for(code, reason):
        return RedirectResponse(f"/referrals/{opened}", 303)
    return await _looks_page(request, typed=typed, pointed="code")
