"""What the directory says of an offer, put right by people of its agency or of its city's coordination."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts import codes
from services.console import asking, pages, web
from services.console.asking import Answer
from services.console.bound import gate_of, refused
from services.console.domain import correcting

router = APIRouter(prefix="/directory", route_class=web.Page, include_in_schema=False)

CORRECT = "staffetta.directory.correct.v1"
Doc = dict[str, Any]


@router.get("/{offer}")
async def ask(request: Request, offer: str) -> Response:
    found = await _ours(request, offer)
    return _form(request, found, correcting.shown(found), Answer(None))


@router.post("/{offer}")
async def correct(request: Request, offer: str) -> Response:
    """Say what differs, with the person's own token; what was refused comes back with what was typed."""
    found, form = await _ours(request, offer), await request.form()
    typed = {name: [str(value) for value in form.getlist(name)] for name in form}
    if said := correcting.correction(typed, found):
        answer = await asking.say(web.session_of(request), CORRECT, {"offer": found["_id"]} | said)
        if answer.code not in (None, "waiting"):
            return _form(request, found, correcting.typed_in(typed, found), answer)
        return RedirectResponse(f"/directory?said={answer.code or 'done'}", 303)
    return RedirectResponse("/directory?said=done", 303)


async def _ours(request: Request, code: str) -> Doc:
    found = await gate_of(request).correctable(code)
    if found is None:
        raise HTTPException(404)
    return found


def _form(request: Request, offer: Doc, stated: Doc, answer: Answer) -> Response:
    languages = codes.codes("languages")
    others: dict[str, Doc] = {code: {} for code in stated["languages"] if code not in languages}
    return pages.page(
        request, "correct.html", gate_of(request).now, 422 if answer.code else 200, offer=offer, stated=stated,
        lines=correcting.lines(stated["opening_hours"]), days=correcting.DAYS, languages=languages | others,
        pointer=answer.pointer, fields=correcting.fields_of(answer.pointer), said=refused(request, None, answer),
    )  # fmt: skip
