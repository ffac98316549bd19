"""A supervisor has the data of a person erased whom their agency met: what goes, what stays, what stands in the way."""

from dataclasses import replace
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from contracts.erasure import EraseStatedPerson
from services.console import asking, pages, web
from services.console.asking import Answer
from services.console.bound import gate_of, refused, wrong
from services.console.domain.shown import Met

router = APIRouter(prefix="/new/{intake_id}/erase", route_class=web.Page, include_in_schema=False)


@router.get("")
async def ask(request: Request, intake_id: UUID) -> Response:
    return _page(request, await _met(request, intake_id), Answer(None))


@router.post("")
async def erase(request: Request, intake_id: UUID) -> Response:
    """Said with the person's own token, once they say that they are sure; the same form sent twice is one command."""
    met, form = await _met(request, intake_id), await request.form()
    if not form.get("sure"):
        return _page(request, met, Answer(None), unsure=True)
    body = {"person_ref": met.person_ref}
    answer = await asking.say(web.session_of(request), EraseStatedPerson.TYPE, body, str(form.get("key", ""))[:64])
    if answer.code not in (None, "waiting"):
        return _page(request, await _with_what_is_open(request, met, answer), answer)
    return RedirectResponse(f"/new/{intake_id}?said={answer.code or 'done'}", 303)


async def _met(request: Request, intake_id: UUID) -> Met:
    """A meeting of others looks like none."""
    found = await gate_of(request).to_erase(str(intake_id))
    if found is None:
        raise HTTPException(404)
    return found


async def _with_what_is_open(request: Request, met: Met, answer: Answer) -> Met:
    """Also what came of the person under another name of theirs, and what these pages do not know of yet."""
    stands = answer.subject if answer.code == "invalid_transition" and not met.open else None
    case = await gate_of(request).case(stands) if stands else None
    return replace(met, open=[case]) if case else met


def _page(request: Request, met: Met, answer: Answer, *, unsure: bool = False) -> Response:
    said = wrong("erase_unsure") if unsure else refused(request, None, answer)
    return pages.page(
        request, "erase.html", gate_of(request).now, 422 if said else 200, met=met, said=said, key=uuid4().hex
    )
