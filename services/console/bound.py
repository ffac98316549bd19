"""What every page of a person begins with: their gate, the referral they mean, and their last answer."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts import codes
from services.console import asking, live, pages, web
from services.console.asking import Answer
from services.console.domain import access, actions
from services.console.domain.access import Actor
from services.console.domain.person import noted
from services.console.domain.shown import Case, Doc
from services.console.gate import Gate

Drawn = Callable[[Gate], Awaitable[str | None]]


def gate_of(request: Request) -> Gate:
    found: Gate = request.state.gate
    return found


async def case_of(request: Request, referral_id: UUID) -> Case:
    case = await gate_of(request).case(str(referral_id), owed=True)
    if case is None or not request.state.right.relations & case.relations:
        raise HTTPException(404)
    return case


NOTE = "staffetta.contact.note.v1"


async def note_contact(request: Request, intake_id: str) -> tuple[dict[str, str], Answer]:
    """What a form says of how the person of a meeting is reached, said as a command; with what was typed."""
    form = await request.form()
    typed = {name: str(form[name]).strip() for name in form}
    stated, command_id = noted(typed) | {"intake_id": intake_id}, typed.get("command_id", "")[:64]
    return typed, await asking.say(web.session_of(request), NOTE, stated, command_id)


SAID = ("done", "waiting", "away", "refused", "moved_on", "ops_gone")


def back_to(page: str, answer: Answer, code: str | None = None) -> Response:
    """Where a command was said, with what became of it. code: of what it was about."""
    key = answer.code or "done"
    told = {"said": key} if key in SAID else {"said": "refused", "why": key}
    told |= {"of": code} if code else {}
    return RedirectResponse(f"{page}?{urlencode(told)}", 303)


def said(request: Request) -> dict[str, Any] | None:
    """What became of the last command; only words of ours, whatever a link says."""
    key, of = request.query_params.get("said"), request.query_params.get("of", "")
    if key not in SAID:
        return None
    code = of if of.replace("-", "").isalnum() and len(of) <= 16 else ""
    did = next((row.command for row in actions.rows() if row.command == request.query_params.get("did")), "")
    reason = request.query_params.get("why", "")
    why = pages.refusal(request, reason) if key == "refused" and reason in codes.codes("rejection_codes") else ""
    return {"wrong": key not in ("done", "waiting"), "key": key, "code": code, "why": why, "did": did}


def refused(request: Request, case: Case | None, answer: Answer) -> dict[str, Any] | None:
    """Why a command was not taken, for above its form."""
    if answer.code is None:
        return None
    code, away = case.row["code"] if case else "", answer.code == "away"
    why = "" if away else pages.refusal(request, answer.code, answer.pointer)
    return wrong("away" if away else "refused", code, why)


def wrong(key: str, code: str = "", why: str = "") -> dict[str, Any]:
    """What is said above a form or a list. key: of the words; code: of the referral that it is about."""
    return {"wrong": True, "key": key, "code": code, "why": why, "did": ""}


async def stay(request: Request, draw: Drawn, agencies: Iterable[str] = ()) -> Response:
    """draw: the fragment for what a person may see at that moment."""
    key, csrf = request.cookies.get(web.cookie("staffetta"), ""), web.session_of(request).csrf
    watched = frozenset(agencies) or await gate_of(request).watched()
    look = partial(web.still_here, request, key)
    request.state.csrf = live.CSRF
    return live.stream(live.View(watched, str(request.url), request.state.language, csrf, look, draw))


def doable(case: Case, at: Gate, agencies: Mapping[str, Doc], family: Iterable[Case] = ()) -> list[tuple[str, bool]]:
    """Each command, and whether it asks something first. family: what else there is of the same intake."""
    may = actions.commands(case.row["state"], case.relations, at.actor.roles)
    return [(c, bool(questions(case, c))) for c in may if not _is_in_vain(c, case, at.actor, agencies, family)]


def _is_in_vain(command: str, case: Case, actor: Actor, agencies: Mapping[str, Doc], family: Iterable[Case]) -> bool:
    """Whether the state takes it, and what else is known here does not."""
    if command in ("open", "send"):
        sender = agencies.get(case.row["sender_agency"], {})
        asked_already = command == "open" and any(other.row["predecessor_id"] == case.id for other in family)
        return asked_already or not access.asks_onward(case.relations, sender, actor)
    if command == actions.RECEIPT:  # of what was kept before, its state tells
        return not case.row.get("owes", actions.OBLIGATIONS.get(case.row["state"]))
    if command == "change_priority":
        return not actions.may_change_priority(case.row["priority"], case.relations)
    if command.endswith("_suspended"):
        return not is_suspended(case, agencies)
    if "seat_until" in case.row and actions.is_about_a_place(command):
        return case.row["seat_until"] is None
    if command == actions.ESCALATE:
        return not all(question.choices for question in questions(case, command))
    return case.row.get("fixed") == {} and actions.settles_appointment(command)


def questions(case: Case, command: str) -> tuple[actions.Question, ...]:
    """What has to be asked before it can be said of this referral."""
    asked = actions.questions(command, case.row["state"], case.row["priority"])
    if command == actions.ESCALATE:
        return actions.not_yet(asked, case.row.get("levels") or {})
    return actions.of_one(asked, fixed(case))


def fixed(case: Case) -> dict[str, datetime]:
    """When the person is expected, by the appointment's number, the first one first. Nothing of what is older."""
    return dict(sorted((case.row.get("fixed") or {}).items(), key=lambda one: one[1]))


def is_suspended(case: Case, agencies: Mapping[str, Doc]) -> bool:
    """Whether the agency that was asked does not work at present, or not any more, as far as the directory says."""
    return not access.is_active(agencies.get(case.row["receiver_agency"] or "", {}))
