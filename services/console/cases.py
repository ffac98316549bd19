"""One referral: everything about it that this person may see, and what they may say of it."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts import codes
from services.console import asking, bound, pages, web
from services.console.answering import stated_fields
from services.console.asking import Answer
from services.console.bound import case_of, doable, fixed, gate_of, is_suspended, questions, refused, said, stay
from services.console.domain import access, actions
from services.console.domain.person import facts
from services.console.domain.shown import Case, Doc
from services.console.gate import Gate

router = APIRouter(prefix="/referrals", route_class=web.Page, include_in_schema=False)

Back = Annotated[str, Query(pattern=r"^(queue|tasks|referral)$")]


@router.get("/{referral_id}")
async def referral(request: Request, referral_id: UUID) -> Response:
    at, case = gate_of(request), await case_of(request, referral_id)
    if case.relations == access.OWING:
        return pages.page(request, "owed.html", at.now, said=said(request), case=case)
    await at.note_read(case, "referral")
    return pages.page(request, "referral.html", at.now, said=said(request), **await _shown(at, case))


@router.get("/{referral_id}/live")
async def referral_live(request: Request, referral_id: UUID) -> Response:
    case = await case_of(request, referral_id)
    others = {case.row["sender_agency"], case.row["receiver_agency"]} - {None}
    return await stay(request, partial(_drawn, request, str(referral_id)), frozenset(others))


async def _drawn(request: Request, referral_id: str, at: Gate) -> str | None:
    case = await at.case(referral_id, owed=True)
    if case is None or case.relations == access.OWING:
        return None
    return pages.draw(request, "_referral.html", at.now, **await _shown(at, case))


async def _shown(at: Gate, case: Case) -> dict[str, Any]:
    party, accepted = access.is_party(case.relations), case.row["state"] in ("ACCEPTED", "IN_SERVICE", "ON_HOLD")
    broken = [one for one in await at.glasses.broken() if one["row"] == case.id]
    mine = await at.glasses.still_open() if case.relations == {"glass"} else []
    glass = [one for one in mine if one["row"] == case.id]
    family, agencies = await at.family(case), await at.agencies()
    to_confirm = await at.to_confirm(case.row["journey_id"]) if "sender" in case.relations else None
    return {
        "case": case, "agencies": agencies, "offer": await at.offer(case.row["offer"]),
        "fixed": fixed(case), "lines": await at.lines(case), "told": await at.told(case), "family": family,
        "doable": doable(case, at, agencies, family), "is_party": party, "why": _why(case), "broken": broken,
        "to_confirm": to_confirm,
        "may_ask_who": "receiver" in case.relations and accepted, "glass": glass,
        "noted": await at.noted_contacts(case.row["journey_id"]),
        "reads_note": partial(access.reads_note, case.relations, state=case.row["state"]),
        "met_here": access.is_of_desk(at.actor, case.row["sender_agency"], case.row["sender_queue"]),
        "erases": access.erases(at.actor, case.row["sender_agency"]) and not case.row.get("erased_at"),
    }  # fmt: skip


def _why(case: Case) -> dict[str, Any] | None:
    """A receiver, and who broke the glass, see the order and not whom the person excluded; a coordinator the whole."""
    why: dict[str, Any] | None = case.row.get("why")
    if why is None or case.relations & {"sender", "coordinator"}:
        return why
    return why | {"out": [], "out_by_area": 0}


@router.get("/{referral_id}/person")
async def person(request: Request, referral_id: UUID) -> Response:
    """Name and contact, as intake tells them; that they were looked at is written down first."""
    return await _person(request, await case_of(request, referral_id), {}, Answer(None))


@router.post("/{referral_id}/person")
async def note_contact(request: Request, referral_id: UUID) -> Response:
    """A further contact, or that one is not to be used, with the person's own token; what was refused comes back.

    met: the meeting of which the page told, by which contacts are numbered; a later one of the person has others.
    """
    case = await case_of(request, referral_id)
    shown = str((await request.form()).get("met") or case.row["journey_id"])
    typed, answer = await bound.note_contact(request, shown)
    if answer.code in (None, "waiting"):
        return RedirectResponse(f"/referrals/{case.id}/person?said={answer.code or 'done'}", 303)
    return await _person(request, case, typed, answer)


async def _person(request: Request, case: Case, typed: dict[str, str], answer: Answer) -> Response:
    at, ref = gate_of(request), case.row["person_ref"]
    await at.note_read(case, "person")
    told = await asking.person(web.session_of(request), ref) if ref else None
    known = told or {}
    return pages.page(
        request, "person.html", at.now, 422 if answer.code else 200, case=case, typed=typed,
        said=refused(request, case, answer) or said(request),
        facts=facts(known.get("tier1") or {}, known.get("contacts")), gone=asking.is_gone(told),
        of_meeting=known.get("intake_id", case.row["journey_id"]), command_id=uuid4().hex,
        channels=codes.codes("channels", "contact_channels"), agencies=await at.agencies(),
    )  # fmt: skip


@router.get("/{referral_id}/notes/{text_id}")
async def note(request: Request, referral_id: UUID, text_id: UUID) -> Response:
    """What one of the two agencies or the coordination wrote, as intake tells it to who may read it."""
    at, case = gate_of(request), await case_of(request, referral_id)
    line = next((line for line in await at.lines(case) if line["said"].get("text_id") == str(text_id)), None)
    if line is None or not access.reads_note(case.relations, line["by"]):
        raise HTTPException(404)
    await at.note_read(case, "note")
    told = await asking.text(web.session_of(request), str(text_id))
    text, gone = (told or {}).get("text"), asking.is_gone(told)
    return pages.page(
        request, "note.html", at.now, case=case, line=line, text=text, gone=gone, agencies=await at.agencies()
    )


# -- saying something of it --------------------------------------------------------------------------------------------
@router.get("/{referral_id}/{command}")
async def ask(request: Request, referral_id: UUID, command: str, back: Back = "referral") -> Response:
    """The questions that a command asks."""
    case = await case_of(request, referral_id)
    if elsewhere := _not_now(request, case, command):
        return elsewhere
    return await _form(request, case, command, back, {}, Answer(None))


@router.post("/{referral_id}/{command}")
async def say(request: Request, referral_id: UUID, command: str, back: Back = "referral") -> Response:
    """Say it with the person's own token; what was refused comes back with what was typed."""
    case = await case_of(request, referral_id)
    if elsewhere := _not_now(request, case, command):
        return elsewhere
    form = await request.form()
    typed = {name: [str(v) for v in form.getlist(name)] for name in form}
    asked = questions(case, command)
    body = await _by_code(gate_of(request), asked, stated_fields(asked, typed))
    body |= {"referral_id": case.id, "command": command}
    body |= actions.said_by_itself(command, case.row["state"], case.row.get("owes"))
    if (version := _one(typed, "version")).isdigit():
        body["expected_version"] = int(version)
    answer = await asking.say(
        web.session_of(request), f"staffetta.referral.{command}.v1", body, _one(typed, "command_id")[:64]
    )
    if answer.code in (None, "waiting"):
        where = f"/referrals/{case.id}" if back == "referral" else f"/{back}"
        told = "done" if answer.code is None else "waiting"
        return RedirectResponse(f"{where}?said={told}&of={case.row['code']}&did={command}", 303)
    return await _form(request, case, command, back, typed, answer)


async def _by_code(at: Gate, asked: Sequence[actions.Question], stated: Doc) -> Doc:
    """People name another referral by its code; what this person knows no referral by stays, and is refused."""
    for name in (question.name for question in asked if question.kind == "id" and question.name in stated):
        found = await at.called(stated[name])
        stated |= {name: found[0].id} if len(found) == 1 else {}
    return stated


def _one(typed: dict[str, list[str]], name: str) -> str:
    return (typed.get(name) or [""])[0]


async def _form(
    request: Request, case: Case, command: str, back: str, typed: dict[str, list[str]], answer: Answer
) -> Response:
    at, row = gate_of(request), case.row
    agencies, offers = await at.agencies(), await at.offers(row["service"])
    asked = questions(case, command)
    if not is_suspended(case, agencies):
        asked = actions.without(asked, "agency_suspended")
    now, today = actions.at_once(asked), at.now.astimezone(pages.ROME).date()
    takers = [offer for offer in offers if access.is_open(offer, today.isoformat())]
    choosable = _who_is_next(case, await at.family(case), agencies, takers)
    if not choosable and any(question.kind == "agency" for question in asked):
        now = None
    return pages.page(
        request, "command.html", at.now, 422 if answer.code else 200, case=case, command=command, back=back,
        asked=asked, now_asked=now, typed=typed, pointed=actions.pointed_at(asked, answer.pointer),
        command_id=uuid4().hex, said=refused(request, case, answer), choosable_agencies=choosable,
        choosable_offers={o["_id"]: o for o in offers}, choosable_appointments=fixed(case),
        today=today, review_days=actions.review_days(today), longest_review=actions.LONGEST_REVIEW,
        shorter_reviews=actions.SHORTER_REVIEWS,
    )  # fmt: skip


def _who_is_next(case: Case, family: list[Case], agencies: dict[str, Doc], offers: list[Doc]) -> dict[str, Doc]:
    """Whom this referral may be passed on to, the best first, as far as this person can know who was asked before.

    offers: those that are open.
    """
    row = case.row
    there = {code: agency["city"] for code, agency in agencies.items() if agency["status"] == "active"}
    offering = {o["agency"]: there[o["agency"]] for o in offers if o["agency"] in there}
    tried = [other.row["receiver_agency"] for other in (case, *family) if other.row["service"] == row["service"]]
    order = [one["agency"] for one in (row.get("why") or {}).get("candidates", ())]
    ours = agencies.get(row["receiver_agency"] or "", {}).get("city")
    return {code: agencies[code] for code in actions.who_is_next(offering, ours, tried, order)}


def _not_now(request: Request, case: Case, command: str) -> Response | None:
    """Where who can say it no longer, or not yet, is led; None who can. Raises for what is never theirs to say."""
    roles = gate_of(request).actor.roles
    if command in actions.commands(case.row["state"], case.relations, roles):
        return None
    if not actions.is_ever_said(command, case.relations, roles):
        raise HTTPException(404)
    return RedirectResponse(f"/referrals/{case.id}?said=moved_on&of={case.row['code']}&did={command}", 303)
