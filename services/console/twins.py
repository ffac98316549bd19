"""People who may be met before: their desk says same, different or later, and a link can be undone."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from starlette.exceptions import HTTPException

from services.console import asking, pages, web
from services.console.bound import back_to, gate_of, said, stay
from services.console.domain.twins import UNDO
from services.console.gate import Gate

router = APIRouter(prefix="/twins", route_class=web.Page, include_in_schema=False)


@router.get("")
async def twins(request: Request) -> Response:
    at = gate_of(request)
    return pages.page(request, "twins.html", at.now, said=said(request), pairs=await at.twins())


@router.get("/live")
async def twins_live(request: Request) -> Response:
    async def drawn(at: Gate) -> str:
        return pages.draw(request, "_twins.html", at.now, pairs=await at.twins())

    return await stay(request, drawn)


@router.post("/{pair_id}")
async def decide(
    request: Request,
    pair_id: UUID,
    decision: Annotated[str, Form(max_length=16)],
    text: Annotated[str, Form(max_length=300)] = "",
    back: Annotated[str, Form(pattern=r"^(twins|met)$")] = "twins",
) -> Response:
    """Said with the person's own token; why is kept by intake alone. back: the page on which it was asked."""
    pair = await gate_of(request).pair(str(pair_id))
    if pair is None or decision not in pair.choices:
        raise HTTPException(404)
    body = {"person_refs": pair.row["person_refs"]} | ({"text": text} if text else {})
    type = f"staffetta.identity.{UNDO if decision == UNDO else 'decide'}.v1"
    body |= {} if decision == UNDO else {"decision": decision}
    answer = await asking.say(web.session_of(request), type, body)
    return back_to(f"/new/{pair.row['intake_id']}" if back == "met" else "/twins", answer)
