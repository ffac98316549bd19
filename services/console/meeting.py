"""A new intake: needs are ticked, services are suggested with reasons, the desk says it as its agency, and is asked
whether the person was met before.
"""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts import codes
from services.console import asking, bound, pages, web
from services.console.asking import Answer
from services.console.bound import gate_of, refused, said, stay, wrong
from services.console.domain import access, meeting
from services.console.domain.actions import HIGHEST
from services.console.domain.meeting import Typed
from services.console.gate import Doc, Gate

router = APIRouter(prefix="/new", route_class=web.Page, include_in_schema=False)

SUBMIT = "staffetta.intake.submit.v1"
LISTS = ("age_bands", "genders", "households", "languages", "priorities", "cities", "ethos")


@router.get("")
async def begin(request: Request) -> Response:
    return await _form(request, _begun(gate_of(request)), Answer(None))


@router.post("")
async def state(request: Request) -> Response:
    """Say it; or, when asked to, only look what the needs suggest. The same form sent twice is one intake."""
    at, session, form = gate_of(request), web.session_of(request), await request.form()
    filled = {name: [str(v) for v in form.getlist(name) if str(v)] for name in form}
    typed = _begun(at) | {name: values for name, values in filled.items() if values}
    if "suggest" in typed:
        return await _form(request, typed, Answer(None))
    agency, begun = (await at.agencies())[str(session.actor.agency)], meeting.begun_at(typed["begun"][0], at.now)
    typed["begun"], key = [begun.isoformat()], f"{agency['_id']}/{typed['key'][0][:64]}"
    queue = next(iter(sorted(session.actor.queues)), None)
    if meeting.shows_another_priority(typed):
        return await _form(request, typed, Answer(None), wrong("new_changed"))
    if meeting.lacks_a_reason(typed):
        return await _form(request, typed, Answer("missing_field", "/tier0/priority_reason"))
    body = meeting.statement(typed, agency=agency["_id"], queue=queue, city=agency["city"], key=key, begun=begun)
    answer = await asking.submit(session, SUBMIT, body)
    if answer.code in (None, "waiting"):
        where = f"/new/{answer.intake_id}" if answer.intake_id else "/sent"
        return RedirectResponse(f"{where}?said={answer.code or 'done'}", 303)
    if answer.is_refusal:  # its key stands for what was refused
        typed["key"] = _begun(at)["key"]
    return await _form(request, typed, answer)


def _begun(at: Gate) -> dict[str, list[str]]:
    """What a form carries that nobody types: under which key it is said, and since when it is there."""
    return {"key": [uuid4().hex], "begun": [at.now.isoformat()]}


@router.get("/{intake_id}")
async def met(request: Request, intake_id: UUID) -> Response:
    """What comes of a meeting, and who the person may be. One that is not there, or is of others, has come to nothing
    yet: they look the same.
    """
    return await _page(request, intake_id, {}, Answer(None))


@router.post("/{intake_id}")
async def note_contact(request: Request, intake_id: UUID) -> Response:
    """Who had the meeting hears of a further contact, or that one is not safe."""
    if not await gate_of(request).own_meetings([str(intake_id)]):
        raise HTTPException(404)
    typed, answer = await bound.note_contact(request, str(intake_id))
    if answer.code in (None, "waiting"):
        return RedirectResponse(f"/new/{intake_id}?said={answer.code or 'done'}", 303)
    return await _page(request, intake_id, typed, answer)


async def _page(request: Request, intake_id: UUID, typed: dict[str, str], answer: Answer) -> Response:
    at = gate_of(request)
    return pages.page(
        request, "met.html", at.now, 422 if answer.code else 200, said=refused(request, None, answer) or said(request),
        is_own=bool(await at.own_meetings([str(intake_id)])), typed=typed, command_id=uuid4().hex,
        channels=codes.codes("channels", "contact_channels"), **await _met(at, intake_id),
    )  # fmt: skip


@router.get("/{intake_id}/live")
async def met_live(request: Request, intake_id: UUID) -> Response:
    return await stay(request, partial(_met_drawn, request, intake_id))


async def _met_drawn(request: Request, intake_id: UUID, at: Gate) -> str:
    return pages.draw(request, "_met.html", at.now, **await _met(at, intake_id))


async def _met(at: Gate, intake_id: UUID) -> dict[str, Any]:
    pairs, cases = await at.twins_of(str(intake_id)), await at.met(str(intake_id))
    tasks = [todo for todo in await at.tasks_of(str(intake_id)) if todo.row["kind"] == "no_candidate"]
    drawn = {"intake_id": intake_id, "pairs": pairs, "cases": cases, "tasks": tasks, "agencies": await at.agencies()}
    drawn |= {"to_confirm": await at.to_confirm(str(intake_id)), "noted": await at.noted_contacts(str(intake_id))}
    erased_at = await at.erased_at(str(intake_id))
    erases = erased_at is None and await at.to_erase(str(intake_id)) is not None
    return drawn | {"erased_at": erased_at, "erases": erases}


async def _form(request: Request, typed: Typed, answer: Answer, told: Doc | None = None) -> Response:
    """told: what is said above it when nothing was refused."""
    told = told or refused(request, None, answer)
    at, lines, chosen, go_on_at = gate_of(request), _lines(), set(typed.get("services", ())), ""
    suggested = {found.service: found for found in meeting.suggestions(typed)}
    if "suggest" in typed:  # who asked for them goes on at the first of them; what is not sure is theirs to tick
        chosen |= {found.service for found in suggested.values() if not found.depends}
        go_on_at = next((s for _, services in lines for s in services if s in suggested), "")
    known, own = await at.agencies(), str(at.actor.agency)
    city = known[own]["city"]
    here = {code: doc for code, doc in sorted(known.items()) if doc["city"] == city}
    active, today = {c: doc for c, doc in here.items() if access.is_active(doc)}, at.now.astimezone(pages.ROME).date()
    return pages.page(
        request, "new.html", at.now, 422 if told else 200, typed=typed, chosen=chosen, suggested=suggested,
        starts=meeting.starting(typed), chosen_priority=meeting.chosen_priority, emergency=HIGHEST,
        said=told, pointer=meeting.field_of(answer.pointer),
        agencies={code: doc for code, doc in here.items() if code != own or not meeting.is_covered(doc)},
        by_consent=meeting.by_consent(await at.offers(), active, today.isoformat()),
        elsewhere={code: item for code, item in codes.codes("cities").items() if code != city},
        accessibility=codes.codes("channels", "accessibility"), asks=meeting.asked_also(typed),
        lists={name: codes.codes(name) for name in LISTS}, needs=codes.codes("needs"),
        lines=lines, go_on_at=go_on_at, bases=codes.codes("sharing", "types"),
    )  # fmt: skip


def _lines() -> list[tuple[str, list[str]]]:
    services = codes.codes("services")
    return [(line, [s for s in services if services[s]["line"] == line]) for line in codes.codes("services", "lines")]
